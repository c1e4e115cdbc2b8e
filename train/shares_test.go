package train_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"espalier/data"
	"espalier/models"
	"espalier/train"
	"espalier/train/progress"
	"espalier/train/sample"
)

// took trains, and returns for each epoch which steps each task had labels in,
// and what the log says.
func took(t *testing.T, m *models.Model, c train.Config, d *data.Dataset) (steps [][][]bool, epochs []train.Epoch) {
	t.Helper()
	var now [][]bool
	res, err := trainerOf(t, m, c).Fit(context.Background(), d, d, train.Hooks{
		Before: func(b *data.Batch) error {
			var there []bool
			for _, n := range b.Counts {
				there = append(there, n > 0)
			}
			now = append(now, there)
			return nil
		},
		Epoch: func(train.Epoch) error {
			steps, now = append(steps, now), nil
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return steps, res.Epochs
}

// TestCapsOfDrawnSteps: where a step is of one task, a task with a cap c has had
// at most c*n of the first n steps and a part of one more, others are drawn in its
// place, and no step is lost.
func TestCapsOfDrawnSteps(t *testing.T) {
	m, c, d := corpora(t)
	tasks := m.Schema().TaskNames()
	planned, _, err := c.Updates(d, tasks)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"proportional", "uniform", "round_robin"} {
		c.Sampling = sample.Config{Method: method}
		for _, caps := range []map[string]float64{{"topic": 0.2}, {"topic": 0.5, "price": 0.25, "tags": 0.25}, {"topic": 0.1, "price": 0.1}} {
			c.Shares = progress.Shares{Caps: caps}
			steps, epochs := took(t, m, c, d)
			for e, epoch := range steps {
				if len(epoch) != planned {
					t.Errorf("%s, caps %v: %d of %d steps", method, caps, len(epoch), planned)
				}
				had := make([]int, len(tasks))
				for n, there := range epoch {
					for i, is := range there {
						if is {
							had[i]++
						}
						if limit, ok := caps[tasks[i]]; ok && float64(had[i]) >= limit*float64(n+1)+1 {
							t.Fatalf("%s, caps %v: %s has had %d of %d steps", method, caps, tasks[i], had[i], n+1)
						}
					}
				}
				for i, name := range tasks {
					if share := epochs[e].Tasks[name].Share; share != float64(had[i])/float64(planned) {
						t.Errorf("%s, caps %v: the log says that %s took %v, it had %d of %d steps", method, caps, name, share, had[i], planned)
					}
				}
			}
		}
	}
}

// TestCapsOfStepsThatTasksShare: where examples come with all their labels, those
// of a task count in at most its share of the steps, and the others' in all that
// have any.
func TestCapsOfStepsThatTasksShare(t *testing.T) {
	m, c, d := plainDemo(t, "train.batch=32", "train.epochs=2")
	tasks := m.Schema().TaskNames()
	c.Shares.Caps = map[string]float64{tasks[0]: 0.3, tasks[2]: 0.75}
	steps, epochs := took(t, m, c, d)
	for e, epoch := range steps {
		had := make([]int, len(tasks))
		for n, there := range epoch {
			for i, is := range there {
				if is {
					had[i]++
				}
			}
			n++
			if had[0] != n*3/10 || had[1] != n || had[2] != n*3/4 {
				t.Fatalf("after %d steps the tasks have had %v", n, had)
			}
		}
		if got, want := epochs[e].Tasks[tasks[0]].Share, float64(had[0])/float64(len(epoch)); got != want || want == 0 {
			t.Errorf("the log says %v, not %v", got, want)
		}
	}
}

// TestCapsOfWhatStepsCost: what the log says a task took of the compute is at most
// its cap and a part of a step, with every way to choose steps; without a cap it
// is more, and all shares add up to one where no step is lost.
func TestCapsOfWhatStepsCost(t *testing.T) {
	for name, sampling := range map[string]sample.Config{
		"as they come": {}, "one task a step": {Method: "proportional"}, "mixed": {Method: "proportional", Batches: "mixed"},
	} {
		m, c, d := corpora(t)
		c.Sampling = sampling
		share := func(limit float64) (share, sum float64, steps int) {
			c.Shares = progress.Shares{Of: "compute", Caps: map[string]float64{"topic": limit}}
			taken, epochs := took(t, m, c, d)
			for _, p := range epochs[0].Tasks {
				sum += p.Share
			}
			return epochs[0].Tasks["topic"].Share, sum, len(taken[0])
		}
		free, sum, steps := share(1)
		if math.Abs(sum-1) > 1e-9 || free < 0.3 {
			t.Errorf("%s: without a cap the task takes %v, all take %v", name, free, sum)
		}
		capped, sum, _ := share(0.25)
		if capped > 0.25+4/float64(steps) || capped < 0.2 || sum > 1+1e-9 {
			t.Errorf("%s: with a cap of a quarter the task takes %v, all take %v", name, capped, sum)
		}
	}
}

// TestACapThatLeavesNothing is refused before the first step.
func TestACapThatLeavesNothing(t *testing.T) {
	m, c, d := plainDemo(t)
	name := m.Schema().TaskNames()[0]
	c.Shares.Caps = map[string]float64{name: 0.001}
	_, err := trainerOf(t, m, c).Fit(context.Background(), d, d, train.Hooks{Before: func(*data.Batch) error {
		t.Error("a step was made")
		return nil
	}})
	planned, _, _ := c.Updates(d, m.Schema().TaskNames())
	want := fmt.Sprintf("train: the cap of 0.001 leaves task %q no step in an epoch of %d; raise it, or make batches smaller", name, planned)
	if fmt.Sprint(err) != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

// TestACapOnATaskThatIsNotDrawn: that sampling gives a task no step is not what
// its cap does, and the run goes as without one.
func TestACapOnATaskThatIsNotDrawn(t *testing.T) {
	m, c, d := corpora(t)
	c.Sampling = sample.Config{Method: "weights", Weights: map[string]float64{"topic": 0}}
	c.Shares.Caps = map[string]float64{"topic": 0.5, "price": 0.9}
	steps, epochs := took(t, m, c, d)
	for e := range epochs {
		if len(steps[e]) == 0 || epochs[e].Tasks["topic"].Share != 0 {
			t.Errorf("epoch %d has %d steps, topic a share of %v", e+1, len(steps[e]), epochs[e].Tasks["topic"].Share)
		}
	}
}
