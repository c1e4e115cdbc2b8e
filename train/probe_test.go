package train_test

import (
	"context"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/data"
	"espalier/tensor"
	"espalier/train"
)

// firstBatch is the first batch of the demonstration.
func firstBatch(d *data.Dataset, c train.Config) *data.Batch {
	b := &data.Batch{}
	d.Fill(b, d.Plan(data.BatchOptions{Size: c.Batch, Shuffle: true, Seed: c.Seed}, 0)[0])
	return b
}

func probe(t *testing.T, on *train.Trainer, b *data.Batch, rate float64) *train.Probe {
	t.Helper()
	p, err := on.Probe(context.Background(), b, rate)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func values(of map[string]*tensor.Tensor) map[string][]float32 {
	out := map[string][]float32{}
	for name, v := range of {
		out[name] = append([]float32{}, v.Float32s()...)
	}
	return out
}

// TestProbeIsAStepOfDescent: what is looked ahead to is what a trainer of that
// one task by plain gradient descent comes to, its head put back.
func TestProbeIsAStepOfDescent(t *testing.T) {
	const rate = 0.5
	m, c, d := demoData(t)
	b := firstBatch(d, c)
	p := probe(t, trainerOf(t, m, c), b, rate)
	tasks := m.Schema().TaskNames()
	for i, task := range tasks {
		one := c
		one.Balance, one.Optimizer, one.Weights = train.BalanceConfig{}, train.OptimizerConfig{Type: "sgd", LR: rate}, map[string]float64{}
		for _, other := range tasks {
			one.Weights[other] = 0
		}
		one.Weights[task] = 1
		naive := trainerOf(t, m, one)
		before := values(naive.Parameters())
		if _, err := naive.Step(context.Background(), b); err != nil {
			t.Fatal(err)
		}
		for name, v := range naive.Parameters() {
			if strings.HasPrefix(name, "head/") {
				copy(v.Float32s(), before[name])
			}
		}
		for j, want := range probe(t, naive, b, 0).Before {
			if got := p.After[i][j]; math.Abs(got-want) > 1e-6 || got == p.Before[j] {
				t.Errorf("after a step on %s the loss of %s is %v, was %v, want %v", task, tasks[j], got, p.Before[j], want)
			}
		}
	}
}

// TestProbesSlopes: without dropout a small step on i changes loss j by the
// product of their gradients, which does not care for their order, and loss i by
// the square of its own.
func TestProbesSlopes(t *testing.T) {
	const rate = 0.02
	m, c, d := demoData(t, "trunk.dropout=0", "trunk.embedding_dropout=0", "trunk.word_dropout=0", "trunk.rare_word_dropout=0")
	p := probe(t, trainerOf(t, m, c), firstBatch(d, c), rate)
	slope := func(i, j int) float64 { return (p.Before[j] - p.After[i][j]) / rate }
	for i := range p.Before {
		for j := range p.Before {
			want := slope(j, i)
			if i == j {
				want = p.Squares[i]
			}
			if bound := 0.05*math.Sqrt(p.Squares[i]*p.Squares[j]) + 1e-4; math.Abs(slope(i, j)-want) > bound {
				t.Errorf("the loss %d falls by %v with a step on %d, want %v", j, slope(i, j), i, want)
			}
		}
	}
}

// TestProbesLeaveNoTrace: training that is looked at is the training that is
// not.
func TestProbesLeaveNoTrace(t *testing.T) {
	m, c, d := demoData(t)
	plain, watched := trainerOf(t, m, c), trainerOf(t, m, c)
	ctx, looks := context.Background(), 0
	if _, err := plain.Fit(ctx, d, d, train.Hooks{}); err != nil {
		t.Fatal(err)
	}
	_, err := watched.Fit(ctx, d, d, train.Hooks{Before: func(b *data.Batch) error {
		if looks++; looks%10 == 1 {
			probe(t, watched, b, 0.5)
		}
		return nil
	}})
	if err != nil || looks < 20 {
		t.Fatal(looks, err)
	}
	if diff := cmp.Diff(values(plain.Parameters()), values(watched.Parameters())); diff != "" {
		t.Error("the parameters differ")
	}
}

func TestProbeOfABatchWithoutATask(t *testing.T) {
	m, c, d := demoData(t)
	b := firstBatch(d, c)
	for i := range labelsOf(m, b, 1) {
		labelsOf(m, b, 1)[i] = -1
	}
	b.Counts[1] = 0
	on := trainerOf(t, m, c)
	before := values(on.Parameters())
	p := probe(t, on, b, 0.1)
	if p.After[1] != nil || p.Squares[1] != 0 || p.Before[1] != 0 || p.After[0] == nil {
		t.Errorf("a task without labels: %+v", p)
	}
	if !maps.EqualFunc(before, values(on.Parameters()), func(a, b []float32) bool { return cmp.Equal(a, b) }) {
		t.Error("the parameters have changed")
	}
	if _, err := on.Probe(context.Background(), b, 1e30); err == nil || !strings.Contains(err.Error(), "where a step is looked ahead; take a smaller one") {
		t.Errorf("a step out of all bounds: %v", err)
	}
	if !maps.EqualFunc(before, values(on.Parameters()), func(a, b []float32) bool { return cmp.Equal(a, b) }) {
		t.Error("the parameters have changed after an error")
	}
}
