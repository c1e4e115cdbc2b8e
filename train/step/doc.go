// Package step is the compiled training step of a model: the programs that an
// engine runs, the parameters that they read and write, and the update.
//
// A step goes through four calls:
//
//	present, err := s.Begin(ctx, in)          // which tasks have a label
//	result, err := s.Compute(ctx, weights)    // losses and gradients
//	err = s.Combine(ctx, weights, direction)  // one gradient of all tasks
//	norm := s.Update(rate)                    // clip it and move the parameters
//
// Where the weights of the tasks' losses are known before the losses
// ([Step.Plain]), Compute takes them, and one program gives the combined gradient:
// Combine has nothing to do. Else Compute gives what a method of package balance
// asks for (losses, a Gram matrix, rows of gradients), and Combine takes the weights
// or the direction that the method makes of them.
//
// # Several workers
//
// Between Compute and Combine stands one seam, [Config.Reduce]: what a distributed
// run must sum over its workers before anything is weighed passes through it, and
// each worker goes on with the sums. All workers have then the losses, the gradients
// and the parameters of one step on all of their batches together. [Exchange] says
// what is summed, of which shape and in which order.
//
// These are the caller's:
//
//   - Which examples a worker's batches have. All workers make as many steps, with the
//     same tasks dropped or waiting.
//   - What is drawn by chance. [Step.Draw] depends on Config.Seed and the step's number:
//     workers of one seed begin with the same parameters, as they must, and leave out
//     the same places of their batches.
//   - What follows from validation: thresholds, early stops, plateaus, the sampler's
//     shares. [Step.Evaluate] and [Step.Probe] sum nothing. All workers measure the same
//     data, or one measures and the others take its decisions.
//   - The end of a worker that fails. A call outside of Reduce may fail on one worker
//     alone, which then makes no further exchange: the transport must end the waiting
//     of the others. A loss or a norm that is not finite is so on all of them.
//
// Losses that Compute returns are means over the labels of all workers, so a mean over
// steps weighs them by the counts that Reduce summed at the stage Labels, not by the
// worker's own. The clipped norm is that of the summed gradient.
//
// Gradients of several batches are accumulated through the same seam, which
// [Accumulator] does: Begin and
// Compute for each of the batches, where Reduce adds to what passes what has passed
// for the batches before, then Combine and Update once. It needs the counts of labels
// of all batches at the first Begin. At the representation the backward program needs
// the values of one batch, and gradients cannot be accumulated.
package step
