// Package balance weighs the tasks of multi-task training: some thirty
// published methods behind one type, each in a file of its own that cites its
// paper.
//
// A method turns what is known of a step, the losses and the gradients of the
// shared parameters task by task, into one weight per task, so that the shared
// parameters follow sum_i w_i g_i; or it writes the direction itself. The
// package knows nothing of models and engines: it takes plain numbers, and
// [Balancer.Needs] says which.
//
// A trainer does this:
//
//	b, err := balance.New(balance.Config{Method: "cagrad", Tasks: tasks, Seed: seed,
//		Options: map[string]any{"c": 0.4}})
//	...
//	needs := b.Needs()
//	for n := range steps {
//		s := balance.Step{Number: n, Present: present}
//		// Where needs.Losses, needs.Gram and needs.Rows are all false, Weigh
//		// may be called before the batch is run, and its weights be fed.
//		s.Losses, s.Rows = losses, rows
//		if needs.Direction {
//			s.Direction = make([]float32, p)
//		}
//		w, err := b.Weigh(&s)
//		...
//		if !needs.Direction {
//			balance.Combine(gradient, rows, w.Shared)
//		}
//		// scale the gradients of task i's own parameters by w.Heads[i], step
//		if needs.After {
//			s.After = lossesOfTheSameBatchNow
//		}
//		s.Losses = losses
//		err = b.Learn(&s)
//	}
//	if needs.Epochs {
//		err = b.EndEpoch(meanLosses, seen)
//	}
//
// # Tasks that are absent
//
// Every slice of a step has one entry per task of the configuration, in its
// order. A task that Present leaves out has weight 0, its entries are not
// looked at, and what a method remembers of it rests. The others are weighed as
// if it did not exist.
//
// # What is always defined
//
// Zero gradients, one task, equal tasks, dependent and badly scaled gradients
// all have finite weights. Rounding errors of the rows, which are float32, decide
// nothing: where gradients coincide or cancel each other but for them, the
// direction is what it is without them. docs/balancing.md says of each method
// what that is. Numbers that are not finite on the way in are an
// error that names the task.
//
// # Gradients of what
//
// Rows are the gradients of each task's loss by the shared parameters. Methods
// whose Needs.Representation is true also work on the gradients by the shared
// representation (what the trunk hands to the heads), at the price of a single
// backward pass through the trunk. Those of different examples have no element
// in common there; graddrop and excess-mtl add them up by the features of
// Step.Activations.
//
// # Heads
//
// A task's own parameters get that task's gradient times [Weights].Heads. Most
// methods that work on gradients leave it as it is, those that weigh losses
// weigh it too, and the papers' code is not of one mind: the option "heads",
// which every method with weights has, says weighted or unweighted, and
// [Method].Heads is the default, the one of the published code.
//
// # State and randomness
//
// [Balancer.State] returns named slices, and a Balancer of the same
// configuration that is given them goes on to the same bits. Random draws come
// from the seed and the number of the step alone.
package balance
