package step_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"espalier/data"
	"espalier/models"
	"espalier/runtime/gonum"
	"espalier/train/balance"
	"espalier/train/optim"
	"espalier/train/progress"
	"espalier/train/step"
)

// workers are as many goroutines that sum through the seam.
type workers struct {
	mu      sync.Mutex
	arrived *sync.Cond
	waiting []*step.Exchange
	round   int
	stopped bool
	sums    *step.Exchange
	stages  []step.Stage // of all rounds
}

func newWorkers(n int) *workers {
	w := &workers{waiting: make([]*step.Exchange, n)}
	w.arrived = sync.NewCond(&w.mu)
	return w
}

// reduce is worker i's: it waits for the others, and every worker goes on with the
// sum in their order.
func (w *workers) reduce(i int) step.Reduce {
	return func(_ context.Context, x *step.Exchange) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.waiting[i] = x.Clone()
		round := w.round
		if slices.Contains(w.waiting, nil) {
			for w.round == round && !w.stopped {
				w.arrived.Wait()
			}
			if w.stopped {
				return errors.New("another worker has stopped")
			}
		} else {
			w.sums, w.stages = w.waiting[0], append(w.stages, x.Stage)
			for _, other := range w.waiting[1:] {
				if err := w.sums.Add(other); err != nil {
					return err
				}
			}
			w.waiting = make([]*step.Exchange, len(w.waiting))
			w.round++
			w.arrived.Broadcast()
		}
		*x = *w.sums.Clone()
		return nil
	}
}

// stop ends the waiting of a worker whose other has failed.
func (w *workers) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.arrived.Broadcast()
}

// way is how a step balances its tasks.
type way struct {
	name    string
	method  string
	at      bool // the representation
	options map[string]any
	config  step.Config
	dropped int // the task that is dropped, from 1; 0: none
}

// stepOf compiles a step that balances in a way.
func (w way) stepOf(t *testing.T, m *models.Model, reduce step.Reduce) (*step.Step, *balance.Balancer) {
	t.Helper()
	b, err := balance.New(balance.Config{Method: w.method, Tasks: m.Schema().TaskNames(), Options: w.options})
	if err != nil {
		t.Fatal(err)
	}
	c := w.config
	c.Seed, c.ClipNorm, c.Reduce = 3, 1, reduce
	c.Optimizer = optim.Config{Type: "sgd", Momentum: 0.9}
	c.Needs, c.Remembers, c.Representation, c.Plain = b.Needs(), b.Remembers(), w.at, w.method == "fixed"
	s, err := step.New(m, gonum.New(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if w.dropped > 0 {
		states := make([]progress.State, len(m.Schema().Tasks))
		states[w.dropped-1] = progress.Dropped
		if err := s.SetStates(states); err != nil {
			t.Fatal(err)
		}
	}
	return s, b
}

// makeStep makes a step on a batch, and returns the losses.
func makeStep(s *step.Step, b *balance.Balancer, batch *data.Batch, number int) ([]float32, error) {
	ctx := context.Background()
	in := step.Input{Batch: &batch.Batch, Labels: batch.Counts, Draws: new(step.Draws)}
	if err := s.Draw(in.Draws, in.Batch, uint64(number+1), 0); err != nil {
		return nil, err
	}
	of := &balance.Step{Number: number}
	var err error
	if of.Present, err = s.Begin(ctx, in); err != nil {
		return nil, err
	}
	if err := compute(ctx, s, b, of); err != nil {
		return nil, err
	}
	if norm := s.Update(func(int) float64 { return 0.1 }); math.IsNaN(norm) {
		return nil, errors.New("the norm is not a number")
	}
	if b.Needs().After {
		after, err := s.After(ctx)
		if err != nil {
			return nil, err
		}
		of.After = wide(after)
	}
	return slices.Clone(s.Losses()), b.Learn(of)
}

func compute(ctx context.Context, s *step.Step, b *balance.Balancer, of *balance.Step) error {
	var weights []float64
	if s.Plain() {
		w, err := b.Weigh(of)
		if err != nil {
			return err
		}
		weights = w.Shared
	}
	r, err := s.Compute(ctx, weights)
	if err != nil {
		return err
	}
	of.Losses, of.Gram, of.Rows = wide(r.Losses), r.Gram, r.Rows
	if s.Plain() {
		return s.Combine(ctx, balance.Weights{}, nil)
	}
	if i := slices.Index(of.Present, true); b.Needs().Direction && i >= 0 {
		of.Direction = make([]float32, len(of.Rows[i]))
	}
	w, err := b.Weigh(of)
	if err != nil {
		return err
	}
	for i, present := range of.Present {
		if !present && w.Shared != nil { // the head of a dropped task follows its loss
			w.Heads[i] = 1
		}
	}
	return s.Combine(ctx, w, of.Direction)
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// ways of balancing whose steps are summed over workers.
var ways = []way{
	{name: "plain", method: "fixed", options: map[string]any{"weights": map[string]float64{}}},
	{name: "pcgrad", method: "pcgrad"},
	{name: "mgda", method: "mgda"},
	{name: "pcgrad where batches lack tasks", method: "pcgrad", config: step.Config{Absences: true}},
	{name: "mgda at the representation", method: "mgda", at: true},
	{name: "upgrad at the representation", method: "upgrad", at: true},
	{name: "a dropped task", method: "fixed", dropped: 1, config: step.Config{Grouped: true}, options: map[string]any{"weights": map[string]float64{}}},
	{name: "losses", method: "uncertainty"},
	{name: "losses after the step", method: "famo"},
	{name: "a direction from rows", method: "graddrop"},
}

// lacking is a file of five dozens of examples. In a dozen examples from the sixth on
// are the second worker's: in the second dozen they lack the first task's label, in
// the third all labels, and in the fourth all examples lack the second task's.
func lacking(head string, row func(i int) (inputs string, labels [3]string)) string {
	var b strings.Builder
	b.WriteString(head + "\n")
	for i := range 60 {
		inputs, labels := row(i)
		switch dozen, second := i/12, i%12 >= 5; {
		case dozen == 1 && second:
			labels[0] = ""
		case dozen == 2 && second:
			labels = [3]string{}
		case dozen == 3:
			labels[1] = ""
		}
		b.WriteString(inputs + "\t" + strings.Join(labels[:], "\t") + "\n")
	}
	return b.String()
}

// texts are such examples of words.
func texts(t *testing.T, set ...string) (*models.Model, *data.Dataset) {
	t.Helper()
	file := lacking("text\ttopic\tmood\tlong", func(i int) (string, [3]string) {
		var words []string
		for k := range 2 + i%7 {
			words = append(words, fmt.Sprint("w", (i*i+3*k)%23))
		}
		return strings.Join(words, " "), [3]string{fmt.Sprint("t", i%3), fmt.Sprint("m", i/2%2), fmt.Sprint(i % 7)}
	})
	return learned(t, `
data: {train: {format: tsv, file: d.tsv}}
inputs: {text: {type: text}}
trunk: {type: cnn, embedding: 8, layers: 1, dropout: 0, embedding_dropout: 0, word_dropout: 0}
tasks: {topic: {type: classification}, mood: {type: classification}, long: {type: regression}}
`, fstest.MapFS{"d.tsv": {Data: []byte(file)}}, set)
}

// rows are such examples of a table, with two tables of categories.
func rows(t *testing.T, set ...string) (*models.Model, *data.Dataset) {
	t.Helper()
	file := lacking("kind\tplace\tarea\tgrade\tsold\tprice", func(i int) (string, [3]string) {
		return fmt.Sprintf("k%d\tp%d\t%d", i%11, i*i%13, 40+(i*37)%90),
			[3]string{fmt.Sprint("g", i%3), fmt.Sprint("s", i/3%2), fmt.Sprint((i*37)%90 + i%11)}
	})
	return learned(t, `
data: {train: {format: tsv, file: d.tsv}}
columns: {categorical: [kind, place], numeric: [area]}
trunk: {type: mlp, hidden: [8, 6], dropout: 0}
tasks: {grade: {type: classification}, sold: {type: classification}, price: {type: regression}}
`, fstest.MapFS{"d.tsv": {Data: []byte(file)}}, set)
}

// TestWorkersMakeTheStepOfAllTheirExamples: two steps of one model, each with a part
// of a batch, that sum through the seam have the losses and the parameters of one step
// on the whole batch, within float32's rounding, after several steps. In some steps one
// part lacks a task and in some every task.
func TestWorkersMakeTheStepOfAllTheirExamples(t *testing.T) {
	for _, w := range ways {
		for name, of := range map[string]func(*testing.T, ...string) (*models.Model, *data.Dataset){"text": texts, "table": rows} {
			t.Run(w.name+", "+name, func(t *testing.T) {
				m, d := of(t)
				compareWorkers(t, w, m, d)
			})
		}
		if !w.at { // with soft sharing nothing is learned before what is the tasks' own
			t.Run(w.name+", penalty", func(t *testing.T) {
				m, d := texts(t, "sharing.method=soft", "sharing.l2=0.05")
				compareWorkers(t, w, m, d)
			})
		}
	}
}

// batchOf are the examples from:to of a dozen.
func batchOf(d *data.Dataset, dozen, from, to int) *data.Batch {
	var examples []int
	for i := from; i < to; i++ {
		examples = append(examples, dozen*12+i)
	}
	b := new(data.Batch)
	d.Fill(b, examples)
	return b
}

func compareWorkers(t *testing.T, w way, m *models.Model, d *data.Dataset) {
	t.Helper()
	whole, balancer := w.stepOf(t, m, nil)
	both := newWorkers(2)
	var steps [2]*step.Step
	var balancers [2]*balance.Balancer
	for i := range steps {
		steps[i], balancers[i] = w.stepOf(t, m, both.reduce(i))
	}
	for number := range 10 {
		dozen := number % 5
		want, err := makeStep(whole, balancer, batchOf(d, dozen, 0, 12), number)
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		var losses [2][]float32
		var errs [2]error
		for i, part := range [][2]int{{0, 5}, {5, 12}} {
			wait.Go(func() {
				if losses[i], errs[i] = makeStep(steps[i], balancers[i], batchOf(d, dozen, part[0], part[1]), number); errs[i] != nil {
					both.stop()
				}
			})
		}
		wait.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatal(err)
		}
		for i := range steps {
			if off := furthest(losses[i], want); off > 1e-5 {
				t.Errorf("step %d: worker %d has losses %v, one step %v", number, i, losses[i], want)
			}
			for name, v := range whole.Parameters().ByName() {
				if off := furthest(steps[i].Parameters().ByName()[name].Float32s(), v.Float32s()); off > 2e-5 {
					t.Fatalf("step %d: %s of worker %d is off by %v", number, name, i, off)
				}
			}
		}
		for name, v := range steps[0].Parameters().ByName() {
			if !slices.Equal(v.Float32s(), steps[1].Parameters().ByName()[name].Float32s()) {
				t.Errorf("step %d: the workers differ in %s", number, name)
			}
		}
	}
	t.Log(both.stages[:min(len(both.stages), 4)])
}

// furthest is the largest difference of two slices, by numbers of more than 1 in
// relation to them.
func furthest(a, b []float32) float64 {
	most := 0.0
	for i := range b {
		off := math.Abs(float64(a[i]-b[i])) / max(1, math.Abs(float64(b[i])))
		if most = max(most, off); math.IsNaN(off) {
			return off
		}
	}
	return most
}

// TestGradientsAccumulateThroughTheSeam: a step that computes on the parts of a batch
// one after the other, adds up what passes the seam and updates once, is the step on
// the whole batch.
func TestGradientsAccumulateThroughTheSeam(t *testing.T) {
	for _, w := range ways[:4] {
		t.Run(w.name, func(t *testing.T) {
			m, d := texts(t)
			whole, balancer := w.stepOf(t, m, nil)
			var labels []float64
			var sum *step.Exchange
			accumulated, other := w.stepOf(t, m, func(_ context.Context, x *step.Exchange) error {
				if x.Stage == step.Labels {
					copy(x.Numbers, labels)
					return nil
				}
				if sum != nil {
					if err := sum.Add(x); err != nil {
						return err
					}
					*x = *sum.Clone()
				}
				sum = x.Clone()
				return nil
			})
			for number := range 5 {
				all := batchOf(d, number, 0, 12)
				if _, err := makeStep(whole, balancer, all, number); err != nil {
					t.Fatal(err)
				}
				sum, labels = nil, append(labelsOf(all), 12)
				if err := accumulate(accumulated, other, number, batchOf(d, number, 0, 5), batchOf(d, number, 5, 12)); err != nil {
					t.Fatal(err)
				}
				for name, v := range whole.Parameters().ByName() {
					if off := furthest(accumulated.Parameters().ByName()[name].Float32s(), v.Float32s()); off > 2e-5 {
						t.Fatalf("step %d: %s is off by %v", number, name, off)
					}
				}
			}
		})
	}
}

func labelsOf(b *data.Batch) []float64 {
	var of []float64
	for _, n := range b.Counts {
		of = append(of, float64(n))
	}
	return of
}

// accumulate computes on all batches but the last, and makes a step on that.
func accumulate(s *step.Step, b *balance.Balancer, number int, first, last *data.Batch) error {
	ctx := context.Background()
	if _, err := s.Begin(ctx, step.Input{Batch: &first.Batch, Labels: first.Counts}); err != nil {
		return err
	}
	weights := make([]float64, len(first.Counts))
	for i := range weights {
		weights[i] = 1
	}
	if _, err := s.Compute(ctx, weights); err != nil {
		return err
	}
	_, err := makeStep(s, b, last, number)
	return err
}

// TestWhatCannotBeSummedOverWorkers: rows of gradients at the representation, and
// exchanges that do not belong together.
func TestWhatCannotBeSummedOverWorkers(t *testing.T) {
	m, _ := texts(t)
	_, err := step.New(m, gonum.New(), step.Config{
		Optimizer: optim.Config{Type: "sgd"}, Needs: balance.Needs{Rows: true, Direction: true}, Representation: true,
		Reduce: func(context.Context, *step.Exchange) error { return nil },
	})
	if !errors.Is(err, step.ErrReduce) {
		t.Errorf("got %v, want %v", err, step.ErrReduce)
	}
	x := step.Exchange{Dense: [][]float32{{1, 2}}, Tables: []step.TableRows{{Name: "a", Dim: 1, Sums: [][]float32{{}}}}}
	for name, other := range map[string]*step.Exchange{
		"another stage":  {Stage: step.Losses, Dense: x.Dense, Tables: x.Tables},
		"shorter slices": {Dense: [][]float32{{1}}, Tables: x.Tables},
		"another table":  {Dense: x.Dense, Tables: []step.TableRows{{Name: "b", Dim: 1, Sums: [][]float32{{}}}}},
	} {
		if err := x.Clone().Add(other); err == nil {
			t.Errorf("%s is added", name)
		}
	}
}

// TestAnErrorOfTheSeamLeavesTheParameters.
func TestAnErrorOfTheSeamLeavesTheParameters(t *testing.T) {
	broken := errors.New("a worker is gone")
	for at := range 2 {
		calls := 0
		m, d := texts(t)
		s, b := ways[0].stepOf(t, m, func(context.Context, *step.Exchange) error {
			if calls++; calls == at+1 {
				return broken
			}
			return nil
		})
		before := s.Parameters().Snapshot()
		if _, err := makeStep(s, b, batchOf(d, 0, 0, 5), 0); !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
		}
		for name, v := range s.Parameters().ByName() {
			if !slices.Equal(v.Float32s(), before[name].Float32s()) {
				t.Errorf("%s has changed", name)
			}
		}
	}
}
