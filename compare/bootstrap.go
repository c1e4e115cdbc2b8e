package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"espalier/metric"
	"espalier/train/score"
)

// answered are the answers of both models to one task, by seed: where a run
// failed there is none.
type answered struct {
	task   string
	higher bool // a larger metric is better
	none   func() metric.Accumulator
	rows   []int // of the joint model's test data
	single [][]metric.Accumulator
	joint  [][]metric.Accumulator
	// updates of the task in training; nil where they are not known.
	updates *Updated
	// undefined says that no seed has the metric on the whole test data, and
	// unlabelled that it is because no test example has a label.
	undefined, unlabelled bool
}

// pairs are the answers of all tasks, and the strata of the test data: examples
// that have labels of the same tasks.
type pairs struct {
	seeds  int
	size   int // examples of the joint model's test data
	tasks  []*answered
	strata [][]int
	// paired says that both models of a seed have much of their luck in common,
	// as joint models of one recipe may.
	paired bool
}

// newPairs lays the answers of joint models side by side with those of others to
// each task, by seed.
func newPairs(joint []*score.Answers, single [][]*score.TaskAnswers, tasks []string) (*pairs, error) {
	p := &pairs{seeds: len(joint)}
	for i, task := range tasks {
		a := &answered{task: task, single: make([][]metric.Accumulator, p.seeds), joint: make([][]metric.Accumulator, p.seeds)}
		for s := range p.seeds {
			if joint[s] != nil && len(joint[s].Tasks[i].Rows) == 0 {
				a.unlabelled = true
				continue
			}
			if joint[s] == nil || single[i][s] == nil {
				continue
			}
			p.size = joint[s].Examples
			if err := a.add(s, &joint[s].Tasks[i], single[i][s]); err != nil {
				return nil, err
			}
		}
		p.tasks = append(p.tasks, a)
	}
	p.stratify()
	return p, nil
}

// add notes both models' answers of one seed, which must be to the same
// examples.
func (a *answered) add(seed int, joint, single *score.TaskAnswers) error {
	same := slices.Equal(joint.Labels, single.Labels) && len(joint.Rows) == len(single.Rows) &&
		slices.Equal(joint.TrueValues, single.TrueValues) && slices.EqualFunc(joint.Truth, single.Truth, slices.Equal)
	if !same || a.rows != nil && !slices.Equal(a.rows, joint.Rows) {
		return fmt.Errorf("compare: the models of task %q were not tested on the same examples: the data has changed between runs; start anew in another directory", a.task)
	}
	none, each, err := joint.Measure()
	if err != nil {
		return err
	}
	a.none, a.rows, a.joint[seed] = none, joint.Rows, each
	a.higher = metric.HigherIsBetter(joint.Metric)
	_, a.single[seed], err = single.Measure()
	return err
}

// stratify groups test examples by the tasks that label them, so that each
// task keeps its number of examples in every draw.
func (p *pairs) stratify() {
	kinds := make([]string, p.size)
	for i, a := range p.tasks {
		for _, row := range a.rows {
			kinds[row] += fmt.Sprintf("%d,", i)
		}
	}
	place := map[string]int{}
	for row, kind := range kinds {
		if kind == "" {
			continue
		}
		n, ok := place[kind]
		if !ok {
			n = len(p.strata)
			place[kind] = n
			p.strata = append(p.strata, nil)
		}
		p.strata[n] = append(p.strata[n], row)
	}
}

// sample is the metrics of all tasks and seeds on one draw of the test
// examples; NaN where there is no run, or where the metric is not defined.
type sample struct {
	single, joint [][]float64 // [task][seed]
}

// whole measures on every example once.
func (p *pairs) whole() *sample {
	times := make([]int, p.size)
	for i := range times {
		times[i] = 1
	}
	s := p.measure(times)
	for i, a := range p.tasks {
		a.undefined = !slices.ContainsFunc(p.common(a), func(seed int) bool { return !math.IsNaN(s.joint[i][seed] - s.single[i][seed]) })
	}
	return s
}

// draw measures on a draw of the examples with replacement.
func (p *pairs) draw(r *rand.Rand) *sample {
	times := make([]int, p.size)
	for _, rows := range p.strata {
		for range rows {
			times[rows[r.IntN(len(rows))]]++
		}
	}
	return p.measure(times)
}

// measure counts example i times[i] times.
func (p *pairs) measure(times []int) *sample {
	s := &sample{}
	for _, a := range p.tasks {
		single, joint := make([]float64, p.seeds), make([]float64, p.seeds)
		for i := range p.seeds {
			single[i], joint[i] = nan, nan
			if a.joint[i] != nil {
				single[i], joint[i] = a.value(a.single[i], times), a.value(a.joint[i], times)
			}
		}
		s.single, s.joint = append(s.single, single), append(s.joint, joint)
	}
	return s
}

func (a *answered) value(each []metric.Accumulator, times []int) float64 {
	sum := a.none()
	for i, row := range a.rows {
		for range times[row] {
			_ = sum.Merge(each[i]) // of one metric and task: it cannot fail
		}
	}
	return sum.Value()
}

// resample makes n draws. Draw i depends on the seed and i alone.
func (p *pairs) resample(n int, seed uint64) []*sample {
	samples := make([]*sample, n)
	var wait sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), n)
	for w := range workers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := w; i < n; i += workers {
				samples[i] = p.draw(rand.New(rand.NewPCG(seed, uint64(i))))
			}
		}()
	}
	wait.Wait()
	return samples
}
