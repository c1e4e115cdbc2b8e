// Package compare says whether training tasks together helped: it trains the
// joint model of a recipe and one model per task over several seeds, and
// compares them on the test data, with intervals.
//
// # What is the same
//
// A single-task model has the recipe's trunk and sizes, the task's own head,
// optimizer, schedule, batch and patience. It learns its vocabulary and labels
// from its own data: the examples that have a label of its task, see
// [recipe.Recipe.Single]. Both models choose their best epoch on validation;
// the test data is measured once a run, after the choice.
//
// The budget is that of the recipe, counted in one of two ways. With [Epochs]
// each model goes through its own data as often: every labelled example is seen
// as often by the joint model as by the single one. With [Steps] each single
// model makes at least as many steps as the joint one, by going through its
// smaller data more often.
//
// # What the intervals say
//
// A difference is joint minus single of the same seed. Two things make it
// uncertain. Another seed would have given other models: Student's interval of
// the differences over seeds says how far that reaches. Other test data would
// have given other figures: the bootstrap draws seeds and, within them, test
// examples with replacement, the same for both models and for all tasks that
// share examples, and measures anew. A difference is shown only where every
// interval there is excludes 0.
package compare
