// Package library has benchmarks of the library's own way from a recipe to
// predictions, on the demonstration's texts and on a generated table: reading, a
// batch, a training step, an epoch, an evaluation, a prediction. It uses no more of
// the library than that, so that bench/compare can run the same benchmarks at an
// earlier commit.
package library
