package progress

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// letters writes states, one letter a task.
func letters(states []State) string {
	text := ""
	for _, s := range states {
		text += strings.ToUpper(s.String()[:1])
	}
	return text
}

// TestTracker: the states of tasks a, b and c in each epoch, by hand, from their
// metrics; less of c's is better. T is training, W waiting, F frozen, D dropped
// and S stopped.
func TestTracker(t *testing.T) {
	flat := [][3]float64{{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}
	nan := math.NaN()
	for _, test := range []struct {
		name   string
		order  Order
		stop   map[string]Stop
		values [][3]float64
		want   string
	}{
		{"nothing is set", Order{}, nil, flat, "TTT TTT TTT TTT TTT TTT"},
		{"by epoch", Order{Groups: [][]string{{"b"}}, Every: []int{2}}, nil, flat, "WTW WTW TTT TTT TTT TTT"},
		{"by epoch, one after the other", Order{Groups: [][]string{{"b"}, {"c"}, {"a"}}, Every: []int{1, 3}}, nil, flat, "WTW WTT WTT WTT TTT TTT"},
		{"earlier ones are frozen", Order{Groups: [][]string{{"b"}, {"c"}}, Every: []int{2}, Earlier: "freeze"}, nil, flat, "WTW WTW WFT WFT TFF TFF"},
		{"earlier ones are dropped", Order{Groups: [][]string{{"b", "c"}}, Every: []int{1}, Earlier: "drop"}, nil, flat, "WTT TDD TDD TDD TDD TDD"},
		{"earlier ones stop", Order{Groups: [][]string{{"b", "c"}}, Every: []int{1}, Earlier: "stop"}, nil, flat, "WTT TSS TSS TSS TSS TSS"},
		{
			"by performance, both of the first have come as far as they do",
			Order{Groups: [][]string{{"a", "c"}}, By: "performance", Patience: 2},
			nil,
			[][3]float64{{1, 0, 5}, {2, 0, 5}, {2, 0, 4}, {1, 0, 4}, {1, 0, 4}, {1, 0, 4}},
			"TWT TWT TWT TWT TWT TTT TTT",
		},
		{
			"by performance, a has reached its value and c has not",
			Order{Groups: [][]string{{"a", "c"}}, By: "performance", Patience: 9, Reach: map[string]float64{"a": 2, "c": 4}},
			nil,
			[][3]float64{{1, 0, 5}, {2, 0, 4.1}, {1, 0, 4}, {1, 0, 4}},
			"TWT TWT TWT TTT TTT",
		},
		{
			"a stops after two epochs without a better value, c after one; an epoch without a value does not count",
			Order{},
			map[string]Stop{"a": {Patience: 2}, "b": {Patience: 2, Then: "freeze"}, "c": {Patience: 1, Then: "drop"}},
			[][3]float64{{1, 1, 1}, {2, 1, 0.5}, {2, 2, 0.4}, {1, nan, 0.4}, {1, 2, 0.4}, {1, 2, 0.4}},
			"TTT TTT TTT TTT STD STD SFD",
		},
		{
			"a metric that is never defined stops nothing",
			Order{},
			map[string]Stop{"a": {Patience: 1}},
			[][3]float64{{nan, 1, 1}, {nan, 1, 1}, {nan, 1, 1}},
			"TTT TTT TTT TTT",
		},
		{
			"nor does the next group wait for it for longer than the patience",
			Order{Groups: [][]string{{"a", "b"}}, By: "performance", Patience: 2},
			nil,
			[][3]float64{{nan, 1, 1}, {nan, 2, 1}, {nan, 2, 1}, {nan, 2, 1}},
			"TTW TTW TTW TTW TTT",
		},
		{
			"what stops before its group's time is over lets the next begin",
			Order{Groups: [][]string{{"a"}, {"b", "c"}}, Every: []int{4}},
			map[string]Stop{"a": {Patience: 1}},
			flat, "TWW TWW STT STT STT STT",
		},
		{
			"a task that is frozen by itself stays so when others begin",
			Order{Groups: [][]string{{"a", "b"}}, Every: []int{3}, Earlier: "drop"},
			map[string]Stop{"a": {Patience: 1, Then: "freeze"}},
			flat, "TTW TTW FTW FDT FDT FDT",
		},
	} {
		config := Config{Tasks: []string{"a", "b", "c"}, Lower: []bool{false, false, true}, Epochs: 9, Order: test.order, Stop: test.stop}
		tr, err := New(config)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		got := letters(tr.States())
		if test.order.By == "" && test.stop == nil { // known before
			planned := letters(tr.Scheduled(0))
			for i := range test.values {
				planned += " " + letters(tr.Scheduled(i+1))
			}
			if planned != test.want {
				t.Errorf("%s: planned are %s", test.name, planned)
			}
		}
		for _, v := range test.values {
			again, _ := New(config)
			if err := again.Restore(tr.State()); err != nil {
				t.Fatal(err)
			}
			was := tr.States()
			changes, copied := tr.EndEpoch(v[:]), again.EndEpoch(v[:])
			if diff := cmp.Diff(changes, copied); diff != "" || !cmp.Equal(tr.State(), again.State(), cmp.Comparer(sameBits)) {
				t.Errorf("%s: a state that is brought back goes on otherwise:\n%s", test.name, diff)
			}
			for _, c := range changes {
				i := strings.Index("abc", c.Task)
				if c.From != was[i] || c.To != tr.States()[i] || c.Why == "" {
					t.Errorf("%s: change %+v", test.name, c)
				}
			}
			got += " " + letters(tr.States())
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

func sameBits(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

// TestOver: a run is over when all tasks have stopped, not while one waits or
// goes on by its head alone.
func TestOver(t *testing.T) {
	for then, want := range map[string]bool{"stop": true, "freeze": false, "drop": false} {
		tr, err := New(Config{Tasks: []string{"a"}, Lower: []bool{false}, Epochs: 5, Stop: map[string]Stop{"a": {Patience: 1, Then: then}}})
		if err != nil {
			t.Fatal(err)
		}
		tr.EndEpoch([]float64{1})
		if tr.Over() {
			t.Errorf("%s: over before anything has happened", then)
		}
		changes := tr.EndEpoch([]float64{1})
		if len(changes) != 1 || changes[0].Why != "no better than 1 for 1 epoch" || tr.Over() != want {
			t.Errorf("%s: %+v, over: %v", then, changes, tr.Over())
		}
	}
}

func TestWhatCannotProgress(t *testing.T) {
	for want, c := range map[string]Config{
		`the order names task "slot", which is not there; did you mean "slots"?`:                    {Order: Order{Groups: [][]string{{"slot"}}, Every: []int{1}}},
		`the order names task "mood"; there are intent, slots`:                                      {Order: Order{Groups: [][]string{{"mood"}}, Every: []int{1}}},
		`the order names task "slots" twice`:                                                        {Order: Order{Groups: [][]string{{"slots"}, {"slots"}}, Every: []int{1}}},
		`the order has an empty group`:                                                              {Order: Order{Groups: [][]string{{}}, Every: []int{1}}},
		`the order has all tasks in one group, nothing comes after it; leave some out or divide it`: {Order: Order{Groups: [][]string{{"slots", "intent"}}, Every: []int{1}}},
		`earlier tasks are to "rest", which is not one of train, freeze, drop, stop`:                {Order: Order{Groups: [][]string{{"slots"}}, Every: []int{1}, Earlier: "rest"}},
		`the next tasks begin by "mood", which is not one of epoch, performance`:                    {Order: Order{Groups: [][]string{{"slots"}}, By: "mood"}},
		`every has 2 numbers, it must have 1, or 1: one for each group but the last`:                {Order: Order{Groups: [][]string{{"slots"}}, Every: []int{1, 2}}},
		`the next tasks begin after 0 epochs, it must be at least 1`:                                {Order: Order{Groups: [][]string{{"slots"}}, Every: []int{0}}},
		`the last tasks would begin after 5 epochs, and there are 5; lower every or train longer`:   {Order: Order{Groups: [][]string{{"slots"}}, Every: []int{5}}},
		`patience and reach are for an order by performance, this one is by epoch`:                  {Order: Order{Groups: [][]string{{"slots"}}, Every: []int{1}, Patience: 1}},
		`every is for an order by epoch, this one is by performance`:                                {Order: Order{Groups: [][]string{{"slots"}}, By: "performance", Every: []int{1}}},
		`the patience of the order is 0, it must be at least 1`:                                     {Order: Order{Groups: [][]string{{"slots"}}, By: "performance"}},
		`a value to reach is given for task "slot", which is not there; did you mean "slots"?`:      {Order: Order{Groups: [][]string{{"slots"}}, By: "performance", Patience: 1, Reach: map[string]float64{"slot": 1}}},
		`task "slots" is to reach NaN, it must be a finite number`:                                  {Order: Order{Groups: [][]string{{"slots"}}, By: "performance", Patience: 1, Reach: map[string]float64{"slots": math.NaN()}}},
		`stop is set of task "slot", which is not there; did you mean "slots"?`:                     {Stop: map[string]Stop{"slot": {Patience: 1}}},
		`the patience of task "slots" is 0, it must be at least 1`:                                  {Stop: map[string]Stop{"slots": {Then: "drop"}}},
		`task "slots" is then to "rest", which is not one of stop, freeze, drop`:                    {Stop: map[string]Stop{"slots": {Patience: 1, Then: "rest"}}},
	} {
		c.Tasks, c.Lower, c.Epochs = []string{"intent", "slots"}, make([]bool, 2), 5
		if _, err := New(c); fmt.Sprint(err) != want {
			t.Errorf("%+v:\n got %v\nwant %s", c, err, want)
		}
	}
}

// TestStatesThatDoNotFit: a state of other tasks, or a damaged one, is refused
// and changes nothing.
func TestStatesThatDoNotFit(t *testing.T) {
	tr, err := New(Config{Tasks: []string{"a", "b"}, Lower: make([]bool, 2), Epochs: 5, Order: Order{Groups: [][]string{{"a"}}, Every: []int{2}}})
	if err != nil {
		t.Fatal(err)
	}
	whole := tr.State()
	for i, x := range map[int]float64{0: -1, 1: 2, 2: 0.5, 3: 5, 5: -1, 8: math.NaN()} {
		damaged := append([]float64{}, whole...)
		damaged[i] = x
		if err := tr.Restore(damaged); err == nil {
			t.Errorf("a state with %v at %d is taken", x, i)
		}
	}
	if err := tr.Restore(whole[1:]); err == nil || !cmp.Equal(tr.State(), whole, cmp.Comparer(sameBits)) {
		t.Errorf("a short state gives %v", err)
	}
}
