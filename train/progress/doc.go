// Package progress decides from epoch to epoch which tasks train and how fast:
// the order in which they begin, when one stops, when a learning rate is
// lowered, and which of them may train in a step where a task's share is
// capped.
//
// Nothing here knows a model. The tasks are given as numbers (their metrics on
// validation after each epoch), and what comes out says what the trainer does
// with them. The same numbers give the same decisions, and all that a decision
// depends on can be saved and brought back.
package progress
