package progress

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// taken runs steps that have labels of the tasks in present, and returns how
// many each took part in after each step.
func taken(t *testing.T, caps map[string]float64, tasks []string, steps int, present func(step int) []bool) (counts [][]int, empty int) {
	t.Helper()
	s := Shares{Caps: caps}
	if err := s.Check(tasks); err != nil {
		t.Fatal(err)
	}
	l := NewLedger(s, tasks)
	sum := make([]int, len(tasks))
	for n := range steps {
		any := false
		for i, in := range l.Admit(present(n), EachStep) {
			if in {
				sum[i]++
				any = true
			}
		}
		if !any {
			empty++
		}
		counts = append(counts, append([]int{}, sum...))
	}
	for i, share := range l.Shares() {
		if want := float64(sum[i]) / float64(steps); math.Abs(share-want) > 1e-12 {
			t.Errorf("the share of %s is %v, it took %v", tasks[i], share, want)
		}
	}
	return counts, empty
}

func all(int) []bool { return []bool{true, true, true} }

// TestCapsHoldAfterEveryStep: after n steps that all tasks have labels for, a
// task with a cap c has taken the whole part of c*n, and one without all of them.
func TestCapsHoldAfterEveryStep(t *testing.T) {
	tasks := []string{"a", "b", "c"}
	caps := map[string]float64{"a": 0.3, "b": 0.1}
	counts, empty := taken(t, caps, tasks, 200, all)
	for n, of := range counts {
		want := []int{(n + 1) * 3 / 10, (n + 1) / 10, n + 1}
		if diff := cmp.Diff(want, of); diff != "" || empty > 0 {
			t.Fatalf("after %d steps:\n%s", n+1, diff)
		}
	}
}

// TestCapsWhereLabelsAreMissing: with labels here and there, no task has more
// than its share of all steps by a whole step, and none of a step that no other
// task has labels for is lost while the cap allows it.
func TestCapsWhereLabelsAreMissing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	tasks := []string{"a", "b", "c"}
	for range 200 {
		caps := map[string]float64{"a": 0.05 + 0.9*r.Float64(), "b": 0.05 + 0.9*r.Float64()}
		p := [3]float64{r.Float64(), r.Float64(), r.Float64()}
		counts, _ := taken(t, caps, tasks, 300, func(int) []bool {
			is := []bool{r.Float64() < p[0], r.Float64() < p[1], r.Float64() < p[2]}
			is[r.IntN(3)] = true // a step without any label is none
			return is
		})
		for n, of := range counts {
			for i, name := range tasks[:2] {
				if float64(of[i]) >= caps[name]*float64(n+1)+1 {
					t.Fatalf("caps %v: %s has taken %d of %d steps", caps, name, of[i], n+1)
				}
			}
		}
	}
}

// TestCapsOnAllTasks: where all tasks have a cap, and the caps add up to 1 or
// more, every step has a task.
func TestCapsOnAllTasks(t *testing.T) {
	for _, caps := range []map[string]float64{
		{"a": 0.5, "b": 0.25, "c": 0.25}, {"a": 0.2, "b": 0.3, "c": 0.5}, {"a": 0.9, "b": 0.9, "c": 0.9}, {"a": 0.4, "b": 0.4, "c": 0.4},
	} {
		counts, empty := taken(t, caps, []string{"a", "b", "c"}, 1000, all)
		for i, name := range []string{"a", "b", "c"} {
			if got, want := counts[999][i], int(math.Ceil(caps[name]*1000)); got > want {
				t.Errorf("caps %v: %s has taken %d of 1000 steps", caps, name, got)
			}
		}
		if empty > 0 {
			t.Errorf("caps %v leave %d steps without a task", caps, empty)
		}
	}
}

// TestOneTaskAlone: steps of one task each are taken as long as it has had less
// than its share.
func TestOneTaskAlone(t *testing.T) {
	counts, empty := taken(t, map[string]float64{"a": 0.3}, []string{"a", "b"}, 10, func(int) []bool { return []bool{true, false} })
	if counts[9][0] != 3 || empty != 7 {
		t.Errorf("%d of 10 steps were taken, %d were not", counts[9][0], empty)
	}
}

// TestCapsOfCompute: by hand. a costs 30 by itself and b 10, the trunk 20, which
// those that take part share. With both a step costs 60, of which a has 40, and
// without a 30; a cap of a half lets it take part while it has at most half of all.
func TestCapsOfCompute(t *testing.T) {
	cost := func(tasks []bool) (each []float64, all float64) {
		each = make([]float64, 2)
		n := 0
		for _, in := range tasks {
			if in {
				n++
			}
		}
		for i, in := range tasks {
			if in {
				each[i] = []float64{30, 10}[i] + 20/float64(n)
				all += each[i]
			}
		}
		return each, all
	}
	l := NewLedger(Shares{Caps: map[string]float64{"a": 0.5}}, []string{"a", "b"})
	var got []bool
	for range 8 {
		got = append(got, l.Admit([]bool{true, true}, cost)[0])
	}
	// used+40 against half of all: 40 > 30; 40 <= 45; 80 > 75; 80 <= 90; 120 <=
	// 120; 160 > 150; 160 <= 165; 200 > 195.
	if diff := cmp.Diff([]bool{false, true, false, true, true, false, true, false}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{160. / 360, 200. / 360}, l.Shares()); diff != "" {
		t.Error(diff)
	}
}

func TestSharesThatCannotBe(t *testing.T) {
	for want, s := range map[string]Shares{
		`shares are of "time", which is not one of steps, compute`:                                                              {Of: "time"},
		`a share is capped of task "slot", which is not there; did you mean "slots"?`:                                           {Caps: map[string]float64{"slot": 0.5}},
		`the cap on the share of task "slots" is 0, it must be above 0 and at most 1`:                                           {Caps: map[string]float64{"slots": 0}},
		`the cap on the share of task "slots" is NaN, it must be above 0 and at most 1`:                                         {Caps: map[string]float64{"slots": math.NaN()}},
		`the caps of all tasks add up to 0.8, below 1: there would be steps that no task may take; raise one, or leave one out`: {Caps: map[string]float64{"slots": 0.5, "intent": 0.3}},
	} {
		if err := s.Check([]string{"intent", "slots"}); fmt.Sprint(err) != want {
			t.Errorf("%+v:\n got %v\nwant %s", s, err, want)
		}
	}
	if err := (Shares{Caps: map[string]float64{"slots": 0.7, "intent": 0.3}}).Check([]string{"intent", "slots"}); err != nil {
		t.Error(err)
	}
}
