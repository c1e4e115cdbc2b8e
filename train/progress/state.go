package progress

import "fmt"

// State is what training does with a task in an epoch.
type State int

// The states of a task.
const (
	// Training: its loss moves its head and shapes the trunk.
	Training State = iota
	// Waiting: it has not begun. Its labels do not count and its head rests.
	Waiting
	// Frozen: its head rests, and its loss goes on shaping the trunk.
	Frozen
	// Dropped: its head goes on learning, and its loss moves nothing else.
	Dropped
	// Stopped: its labels do not count any more, and its head rests.
	Stopped
)

var stateNames = [...]string{"training", "waiting", "frozen", "dropped", "stopped"}

func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("State(%d)", int(s))
	}
	return stateNames[s]
}

// MarshalText writes the state's name, and UnmarshalText reads it.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a state.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if name == string(text) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("there is no state %q", text)
}

// Counts reports whether the task's labels count in a step.
func (s State) Counts() bool { return s != Waiting && s != Stopped }

// Learns reports whether what belongs to the task alone moves.
func (s State) Learns() bool { return s == Training || s == Dropped }

// Shapes reports whether the task's loss moves what others read.
func (s State) Shapes() bool { return s == Training || s == Frozen }

// endings are the words for what becomes of a task that is done.
var endings = map[string]State{"stop": Stopped, "freeze": Frozen, "drop": Dropped}

// Change is a task that is in another state from the next epoch on.
type Change struct {
	Task string `json:"task"`
	From State  `json:"from"`
	To   State  `json:"to"`
	Why  string `json:"why"`
}
