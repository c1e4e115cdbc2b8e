package ort

// Config says which library to use and how its threads behave. The zero value
// is a good default.
type Config struct {
	// Library is the path of the shared library, or of a folder with it. When
	// empty it is searched for; see [Find].
	Library string
	// Spin says what a session's worker threads do when they run out of work.
	Spin Spin
	// MaxMemory is the most bytes that the tensors of all sessions of such
	// engines may take together, inside ONNX Runtime; a run that needs more fails
	// with an error. Texts are not counted, and models that join them are refused.
	// It is one number per process. 0 sets no limit: give one
	// where files come from strangers.
	MaxMemory int64
}

// Spin says what worker threads do while they wait.
type Spin int

// Ways of waiting. Spinning threads answer faster and burn their core.
const (
	// SpinInRun spins while a run goes on and sleeps between runs, so that Go
	// has the cores to itself there.
	SpinInRun Spin = iota
	// SpinAlways also spins for a while after a run: for a server that calls
	// without a pause and has cores to spare.
	SpinAlways
	// SpinNever sleeps at once: for many sessions on few cores.
	SpinNever
)
