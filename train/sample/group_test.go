package sample

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lengths are those of examples in the tests: 1 to 40, in no order.
func lengths(example int) int { return 1 + example*17%40 }

// padded is how many places the batches take, tokens and padding.
func padded(steps []Step) int {
	n := 0
	for _, s := range steps {
		longest := 0
		for _, e := range s.Examples {
			longest = max(longest, lengths(e))
		}
		n += longest * len(s.Examples)
	}
	return n
}

// TestGroupingKeepsWhatWasDrawn: examples of like length come together, and
// nothing else changes: which task each step trains, in which order, on how many
// examples, and how often each example comes; no batch has two copies of one
// that had none. With a limit of tokens the same examples come in more steps.
func TestGroupingKeepsWhatWasDrawn(t *testing.T) {
	examples := [][]int{nil, nil, nil}
	for i := range 1000 {
		task := 0
		if i%10 == 0 {
			task = 1
		}
		examples[task] = append(examples[task], i)
	}
	examples[2] = []int{1, 2, 3} // fewer than a batch
	for _, c := range []Config{
		{Method: "proportional"},
		{Method: "uniform"},
		{Method: "round_robin"},
		{Method: "uniform", Batches: "mixed"},
		{Method: "proportional", Batches: "mixed"},
	} {
		c.Tasks = []string{"large", "small", "tiny"}
		examples := slices.Clone(examples)
		if c.Batches == "mixed" {
			examples[2] = nil // its copies would be in every batch
		}
		plan := func(b Batching) []Step {
			s, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			steps, err := s.Plan(examples, b, 3)
			if err != nil {
				t.Fatal(err)
			}
			return steps
		}
		drawn, grouped := plan(Batching{Size: 8}), plan(Batching{Size: 8, Length: lengths})
		if !cmp.Equal(grouped, plan(Batching{Size: 8, Length: lengths})) {
			t.Errorf("%+v: the same seed gives another plan", c)
		}
		for i := range drawn {
			if drawn[i].Task != grouped[i].Task || len(drawn[i].Examples) != len(grouped[i].Examples) {
				t.Fatalf("%+v: step %d was of task %d with %d examples, it is of task %d with %d", c, i,
					drawn[i].Task, len(drawn[i].Examples), grouped[i].Task, len(grouped[i].Examples))
			}
		}
		limited := plan(Batching{Size: 8, Length: lengths, MaxTokens: 100})
		for _, p := range [][]Step{grouped, limited} {
			if !cmp.Equal(all(drawn), all(p)) {
				t.Errorf("%+v: other examples come than were drawn", c)
			}
			if copies(p) > copies(drawn) {
				t.Errorf("%+v: %d batches have copies, before it were %d", c, copies(p), copies(drawn))
			}
		}
		// Small tasks come again and again, which leaves little to group.
		if before, now := padded(drawn), padded(grouped); float64(now) > 0.75*float64(before) {
			t.Errorf("%+v: batches take %d places, without grouping %d", c, now, before)
		}
		for _, s := range limited {
			if padded([]Step{s}) > 100 {
				t.Errorf("%+v: a step has %d tokens", c, padded([]Step{s}))
			}
		}
		if c.Method == "round_robin" {
			last := -1
			for _, s := range limited {
				if s.Task != last && s.Task != (last+1)%3 {
					t.Fatalf("task %d comes after task %d", s.Task, last)
				}
				last = s.Task
			}
		}
	}
}

// all returns the examples of a plan by task, sorted.
func all(steps []Step) map[int][]int {
	of := map[int][]int{}
	for _, s := range steps {
		of[s.Task] = append(of[s.Task], s.Examples...)
	}
	for _, examples := range of {
		slices.Sort(examples)
	}
	return of
}

// copies counts batches that have an example twice.
func copies(steps []Step) int {
	n := 0
	for _, s := range steps {
		sorted := slices.Sorted(slices.Values(s.Examples))
		if len(slices.Compact(sorted)) < len(s.Examples) {
			n++
		}
	}
	return n
}
