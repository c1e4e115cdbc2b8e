// Package sample decides which task each step of an epoch trains, and on which
// examples: one file per method. It is for tasks that are annotated on different
// examples, of which some have many and others few.
//
// The plan of an epoch follows from the configuration, the examples, the seed
// and the epoch's number alone, and for the method progress from the validation
// scores that it was told.
package sample

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"espalier/internal/nearest"
	"espalier/setting"
)

// Config says how to sample. Fields that the method does not read must be 0.
type Config struct {
	// Method is proportional, uniform, temperature, sqrt, annealed, round_robin,
	// weights, cap or progress.
	Method string
	// Temperature is that of temperature: tasks are drawn in proportion to
	// n^(1/T) of their n examples; 1 is proportional, large ones uniform.
	Temperature float64
	// Weights are those of weights, by task; a task that is not named has 1.
	Weights map[string]float64
	// Cap is, of cap, the most examples that a task counts with.
	Cap int
	// Batches is single, one task a batch (the default), or mixed, in which the
	// task is drawn anew for each example and all its labels count.
	Batches string
	// Tasks are the tasks' names, Epochs how many there will be.
	Tasks  []string
	Epochs int
	Seed   uint64
}

// rule is what a method's file implements: weights of tasks, in any unit, from
// how many examples they have. A task without examples is not asked for.
type rule interface {
	weigh(sizes []float64, epoch int) []float64
}

// Sampler plans epochs. It is for one goroutine.
type Sampler struct {
	config Config
	rule   rule
	scores []float64 // of the last validation; NaN before the first
}

// Step is what one step trains on.
type Step struct {
	// Task is the one whose labels count; -1: all that the examples have.
	Task     int
	Examples []int
}

// New checks a configuration.
func New(c Config) (*Sampler, error) {
	of, ok := method(c.Method)
	if !ok {
		if near := nearest.Word(c.Method, Methods()); near != "" {
			return nil, fmt.Errorf("sample: there is no method %q: did you mean %q?", c.Method, near)
		}
		return nil, fmt.Errorf("sample: there is no method %q, it is one of %s", c.Method, strings.Join(Methods(), ", "))
	}
	for _, f := range []struct {
		name  string
		given bool
	}{{"temperature", c.Temperature != 0}, {"weights", len(c.Weights) > 0}, {"cap", c.Cap != 0}} {
		if needs := slices.Contains(setting.Keys(of.Options), f.name); f.given && !needs {
			return nil, fmt.Errorf("sample: %s is set, but method %s does not read it", f.name, c.Method)
		} else if needs && !f.given && f.name != "temperature" && f.name != "cap" {
			return nil, fmt.Errorf("sample: method %s needs %s", c.Method, f.name)
		}
	}
	switch {
	case c.Batches != "" && c.Batches != "single" && c.Batches != "mixed":
		return nil, fmt.Errorf("sample: batches are %q, they are single or mixed", c.Batches)
	case c.Method == "round_robin" && c.Batches == "mixed":
		return nil, fmt.Errorf("sample: round_robin takes one task a batch, batches cannot be mixed")
	case c.Method == "temperature" && !(c.Temperature > 0 && !math.IsInf(c.Temperature, 0)):
		return nil, fmt.Errorf("sample: temperature is %v, it must be above 0", c.Temperature)
	case c.Method == "cap" && c.Cap < 1:
		return nil, fmt.Errorf("sample: cap is %d, it must be at least 1", c.Cap)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Weights)) {
		if !slices.Contains(c.Tasks, name) {
			return nil, fmt.Errorf("sample: a weight is given for task %q, there are %s", name, strings.Join(c.Tasks, ", "))
		}
		if w := c.Weights[name]; !(w >= 0) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("sample: the weight of task %q is %v, it must be a number of at least 0", name, w)
		}
	}
	s := &Sampler{config: c, scores: make([]float64, len(c.Tasks))}
	for i := range s.scores {
		s.scores[i] = math.NaN()
	}
	s.rule = of.rule(s)
	return s, nil
}

// Shares are the probabilities of the tasks in an epoch, from how many examples
// they have. A task without any has 0.
func (s *Sampler) Shares(sizes []int, epoch int) ([]float64, error) {
	n := make([]float64, len(sizes))
	for i, x := range sizes {
		n[i] = float64(x)
	}
	w, total := s.rule.weigh(n, epoch), 0.0
	for i := range w {
		if sizes[i] == 0 {
			w[i] = 0
		}
		total += w[i]
	}
	if !(total > 0) || math.IsInf(total, 0) {
		return nil, fmt.Errorf("sample: no task with examples has a weight above 0")
	}
	for i := range w {
		w[i] /= total
	}
	return w, nil
}

// Plan returns the steps of an epoch, counted from 0: as many batches of b.Size
// examples as it takes to go through all of them once, of which some become
// several where b.MaxTokens asks for it. examples are those that have a label, by
// task; each task goes through its own in a new order, again and again, and takes
// up in no epoch where it left off in another. A batch that no task may have is
// left out.
func (s *Sampler) Plan(examples [][]int, b Batching, epoch int) ([]Step, error) {
	all, sizes := map[int]bool{}, make([]int, len(examples))
	for i, of := range examples {
		sizes[i] = len(of)
		for _, e := range of {
			all[e] = true
		}
	}
	shares, err := s.Shares(sizes, epoch)
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(s.config.Seed^0x73616d706c65, uint64(epoch)))
	decks := make([]deck, len(examples))
	for i := range decks {
		decks[i] = deck{all: examples[i], r: r}
	}
	steps := make([]Step, 0, (len(all)+b.Size-1)/b.Size)
	turn := 0
	for range cap(steps) {
		step := Step{Task: -1}
		if s.config.Batches != "mixed" {
			may := b.limited(shares)
			step.Task = draw(may, r)
			if s.config.Method == "round_robin" {
				for range may {
					if may[turn%len(may)] > 0 {
						break
					}
					turn++
				}
				step.Task = turn % len(may)
				turn++
			}
			if may[step.Task] == 0 { // none may
				b.Limit.Took(-1, nil)
				continue
			}
		}
		for range b.Size {
			task := step.Task
			if task < 0 {
				task = draw(shares, r)
			} else if len(step.Examples) == sizes[task] {
				break // no example twice in a batch of one task
			}
			step.Examples = append(step.Examples, decks[task].next())
		}
		if b.Limit != nil && step.Task >= 0 {
			b.Limit.Took(step.Task, step.Examples)
		}
		steps = append(steps, step)
	}
	if b.Length != nil {
		steps = b.group(steps, r)
	}
	return steps, nil
}

// limited are the shares of the tasks that the next batch may be of, which add
// up to 1; all 0 where there are none.
func (b Batching) limited(shares []float64) []float64 {
	if b.Limit == nil {
		return shares
	}
	may, total := make([]float64, len(shares)), 0.0
	for i, p := range shares {
		if p > 0 && b.Limit.May(i) {
			may[i] = p
			total += p
		}
	}
	for i := range may {
		if total > 0 {
			may[i] /= total
		}
	}
	return may
}

// draw returns a task by its share.
func draw(shares []float64, r *rand.Rand) int {
	x, last := r.Float64(), 0
	for i, p := range shares {
		if p == 0 {
			continue
		}
		if last = i; x < p {
			return i
		}
		x -= p
	}
	return last
}

// deck deals a task's examples in a new order each time it has dealt all.
type deck struct {
	all, left []int
	r         *rand.Rand
}

func (d *deck) next() int {
	if len(d.left) == 0 {
		d.left = slices.Clone(d.all)
		d.r.Shuffle(len(d.left), func(i, j int) { d.left[i], d.left[j] = d.left[j], d.left[i] })
	}
	e := d.left[0]
	d.left = d.left[1:]
	return e
}

// Learn gives the sampler the tasks' scores on validation: at most 1 each, NaN for a
// task without one.
func (s *Sampler) Learn(scores []float64) { copy(s.scores, scores) }

// State is what the sampler goes on from, and Restore brings it back.
func (s *Sampler) State() []float64 { return slices.Clone(s.scores) }

// Restore goes on from what State returned.
func (s *Sampler) Restore(state []float64) error {
	if len(state) != len(s.scores) {
		return fmt.Errorf("sample: the state is of %d tasks, there are %d", len(state), len(s.scores))
	}
	copy(s.scores, state)
	return nil
}
