// Package data turns labelled text and tables into numbers and labels, and cuts
// those into batches.
//
// Package [espalier/data/source] reads examples. [Encoder.Learn] reads those of
// training once to fill a schema and a vocabulary, [Encoder.Encode] reads any into
// a compact [Dataset], and [Dataset.Plan] and [Dataset.Fill] make [Batch]es of it.
// Any example may lack any task's label.
//
// Each kind of input is one file: text.go, numeric.go, categorical.go. Labels belong
// to package [espalier/task]: how a field is read, what training learns of it, how a
// data set stores it and which tensors of a batch it becomes.
package data
