package compare

import (
	"math"

	"espalier/train/metric"
)

var nan = math.NaN()

// Verdicts on a difference.
const (
	Helped  = "helped"
	Hurt    = "hurt"
	Unshown = "no difference shown"
)

// Result is a finished comparison.
type Result struct {
	Recipe     string  `json:"recipe"`
	Budget     string  `json:"budget"`
	Seeds      []int   `json:"seeds"`
	Engine     string  `json:"engine"`
	Confidence float64 `json:"confidence"`
	// Resamples is the number of draws of the bootstrap.
	Resamples int    `json:"resamples"`
	Tasks     []Task `json:"tasks"`
	// Mean is the mean over tasks of the gain: joint minus single in the task's
	// metric, the sign turned where less is better.
	Mean *Difference `json:"mean_difference,omitempty"`
	// OverTasks is Student's interval of that mean, each task being one draw:
	// what to expect of other tasks like these. nil for fewer than two.
	OverTasks *Interval `json:"mean_difference_over_tasks,omitempty"`
	// DeltaM is the mean over tasks of the gain relative to the single-task
	// model (Maninis, Radosavovic and Kokkinos 2019, equation 4); 0.01 is one
	// per cent. It is nil where a single-task model has 0.
	DeltaM    *Difference `json:"delta_m,omitempty"`
	Resources *Resources  `json:"resources,omitempty"`
	// Baselines are there where they were asked for.
	Baselines []Baselines `json:"baselines,omitempty"`
	// Unfinished counts models whose best epoch was the last that the recipe
	// allowed: more epochs might have made them better.
	Unfinished Unfinished `json:"best_in_last_epoch"`
	Failed     []Failure  `json:"failed,omitempty"`
}

// Unfinished counts models of both kinds.
type Unfinished struct {
	Single   int `json:"single"`
	SingleOf int `json:"single_of"`
	Joint    int `json:"joint"`
	JointOf  int `json:"joint_of"`
}

func (u *Unfinished) add(single, last bool) {
	n, of := &u.Joint, &u.JointOf
	if single {
		n, of = &u.Single, &u.SingleOf
	}
	*of++
	if last {
		*n++
	}
}

// Task compares the models on one task.
type Task struct {
	Task           string `json:"task"`
	Metric         string `json:"metric"`
	HigherIsBetter bool   `json:"higher_is_better"`
	// Examples is how many of the test data have a label.
	Examples int `json:"examples"`
	// Undefined says why the metric is not defined on the test data; what follows
	// is not there then.
	Undefined  string     `json:"undefined,omitempty"`
	Single     Sample     `json:"single,omitzero"`
	Joint      Sample     `json:"joint,omitzero"`
	Difference Difference `json:"difference,omitzero"` // joint minus single
}

// Sample is a metric over seeds.
type Sample struct {
	Mean   float64   `json:"mean"`
	SD     float64   `json:"sd"`
	Values []float64 `json:"values"`
}

func newSample(values []float64) Sample {
	mean, sd := meanSD(values)
	return Sample{mean, sd, values}
}

// Difference is a difference over seeds with its intervals.
type Difference struct {
	Mean   float64   `json:"mean"`
	Values []float64 `json:"values"`
	// Seeds is Student's interval over seeds, nil for one seed; Bootstrap draws
	// seeds and test examples, nil where none were drawn.
	Seeds     *Interval `json:"over_seeds,omitempty"`
	Bootstrap *Interval `json:"bootstrap,omitempty"`
	Verdict   string    `json:"verdict"`
}

// newDifference judges differences. A difference is shown where every interval
// excludes 0.
func newDifference(values, draws []float64, confidence float64, higher bool) *Difference {
	mean, _ := meanSD(values)
	d := &Difference{
		Mean: mean, Values: values, Verdict: Unshown,
		Seeds: studentInterval(values, confidence), Bootstrap: percentileInterval(draws, confidence),
	}
	shown := d.Seeds != nil || d.Bootstrap != nil
	for _, i := range []*Interval{d.Seeds, d.Bootstrap} {
		shown = shown && (i == nil || i.excludesZero())
	}
	switch {
	case shown && (mean > 0) == higher:
		d.Verdict = Helped
	case shown:
		d.Verdict = Hurt
	}
	return d
}

// judge compares the models from their answers.
func judge(p *pairs, metrics []string, resamples int, confidence float64) *Result {
	r := &Result{Confidence: confidence, Resamples: resamples}
	whole := p.whole()
	draws := p.resample(resamples, bootstrapSeed)
	var gains []float64
	for i, a := range p.tasks {
		var single, joint []float64
		for s := range p.seeds {
			if x, y := whole.single[i][s], whole.joint[i][s]; !math.IsNaN(x) && !math.IsNaN(y) {
				single, joint = append(single, x), append(joint, y)
			}
		}
		if a.none == nil { // no seed has both models
			continue
		}
		t := Task{Task: a.task, Metric: metrics[i], HigherIsBetter: a.higher, Examples: len(a.rows)}
		if a.undefined = len(joint) == 0; a.undefined {
			if t.Undefined = metric.Reason(t.Metric); len(a.rows) == 0 {
				t.Undefined = "there is no label"
			}
			r.Tasks = append(r.Tasks, t)
			continue
		}
		of := func(s *sample, seed int) float64 { return s.joint[i][seed] - s.single[i][seed] }
		t.Single, t.Joint, t.Difference = newSample(single), newSample(joint), *summarize(whole, draws, of, confidence, a.higher)
		r.Tasks = append(r.Tasks, t)
		gains = append(gains, a.gain(t.Difference.Mean))
	}
	if len(r.Tasks) < len(p.tasks) {
		return r
	}
	r.Mean = summarize(whole, draws, p.meanGain, confidence, true)
	r.OverTasks = studentInterval(gains, confidence)
	r.DeltaM = summarize(whole, draws, p.deltaM, confidence, true)
	return r
}

// bootstrapSeed makes the same comparison give the same intervals.
const bootstrapSeed = 1

// summarize takes one figure of every seed's models. It is nil where no seed
// has it.
func summarize(whole *sample, draws []*sample, of func(*sample, int) float64, confidence float64, higher bool) *Difference {
	values := perSeed(whole, of)
	if len(values) == 0 {
		return nil
	}
	var means []float64
	for _, s := range draws {
		if v := perSeed(s, of); len(v) > 0 {
			mean, _ := meanSD(v)
			means = append(means, mean)
		}
	}
	return newDifference(values, means, confidence, higher)
}

// perSeed returns the figure for every drawn seed that has models; none where
// it is not defined for one of them.
func perSeed(s *sample, of func(*sample, int) float64) []float64 {
	var values []float64
	for _, seed := range s.seeds {
		v := of(s, seed)
		if math.IsInf(v, 0) {
			return nil
		}
		if !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return values
}

// gain turns a difference so that more is better.
func (a *answered) gain(difference float64) float64 {
	if a.higher {
		return difference
	}
	return -difference
}

func (p *pairs) meanGain(s *sample, seed int) float64 {
	return p.mean(func(i int, a *answered) float64 { return a.gain(s.joint[i][seed] - s.single[i][seed]) })
}

// mean is the mean over the tasks whose metric is defined on the test data.
func (p *pairs) mean(of func(int, *answered) float64) float64 {
	sum, n := 0.0, 0
	for i, a := range p.tasks {
		if !a.undefined {
			sum += of(i, a)
			n++
		}
	}
	return sum / float64(n)
}

// deltaM is (1/T) sum over tasks of (-1)^l (joint - single) / single, where l
// is 1 for metrics of which less is better.
func (p *pairs) deltaM(s *sample, seed int) float64 {
	return p.mean(func(i int, a *answered) float64 {
		if s.single[i][seed] == 0 {
			return math.Inf(1) // relative to nothing
		}
		return a.gain(s.joint[i][seed]-s.single[i][seed]) / math.Abs(s.single[i][seed])
	})
}
