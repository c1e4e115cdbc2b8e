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
// The budget says how long a single model trains where tasks have different data.
// With [Updates] it has as many updates of its task as the joint model, with as
// many examples in each. With [Steps] it has as many steps as the joint model has
// in all. With [Epochs] it goes through its own data as often; where that makes
// fewer updates of the task than the joint model has, there is no verdict.
//
// # What a verdict says
//
// A difference is joint minus single of the same seed. Two things make it
// uncertain: other seeds would have given other models, and other test data
// other figures. Both variances enter one test (verdict.go); the variance between
// seeds is pooled over tasks (moderate.go), and p-values are corrected for all
// differences of a table. One seed gives no verdict. docs/compare.md says why, and
// bench/null measures how often verdicts are wrong.
package compare
