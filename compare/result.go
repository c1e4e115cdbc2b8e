package compare

import (
	"math"
	"slices"

	"espalier/metric"
	"espalier/train/score"
)

var nan = math.NaN()

// Verdicts on a difference.
const (
	Helped  = "helped"
	Hurt    = "hurt"
	Unshown = "no difference shown"
	// OneSeed: nothing is known of other seeds.
	OneSeed = "no verdict: one seed"
	// FewerUpdates: the single-task model has fewer updates of the task.
	FewerUpdates = "no verdict: fewer updates"
	// MorePasses: the joint model is worse, and the single-task model sees its
	// examples far more often.
	MorePasses = "no verdict: more passes"
	// Undefined: the test data does not define the metric.
	Undefined = "no verdict: undefined"
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
	// metric, sign-adjusted so that higher is better. It is nil where a metric has
	// a unit, such as an rmse in dollars, which does not add up with others.
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
	// Updates are those of the task in training; nil in results that were written
	// before they were counted.
	Updates *Updated `json:"updates,omitempty"`
	// Undefined says why the metric is not defined on the test data; what follows
	// is not there then.
	Undefined  string     `json:"undefined,omitempty"`
	Single     Sample     `json:"single,omitzero"`
	Joint      Sample     `json:"joint,omitzero"`
	Difference Difference `json:"difference,omitzero"` // joint minus single
	// Places are where the values' seeds stand in the result's Seeds; nil where
	// every seed has a value.
	Places []int `json:"places_of_seeds,omitempty"`
}

// place is where the seed of a value stands in the result's.
func (t *Task) place(value int) int {
	if t.Places == nil {
		return value
	}
	return t.Places[value]
}

// Sample is a metric over seeds.
type Sample struct {
	Mean   float64   `json:"mean"`
	SD     float64   `json:"sd"`
	Values []float64 `json:"values"`
}

func newSample(values []float64) Sample {
	if len(values) == 0 {
		return Sample{}
	}
	mean, sd := meanSD(values)
	return Sample{mean, sd, values}
}

// Difference is a difference over seeds, with its one test: see docs/compare.md.
type Difference struct {
	Mean   float64   `json:"mean"`
	Values []float64 `json:"values"`
	// Interval holds the mean over all possible seeds and test examples, with the
	// confidence asked for; with one seed, over test examples alone.
	Interval *Interval `json:"interval,omitempty"`
	// P is the probability of a difference at least as large where there is none.
	// Corrected is P corrected for all differences that were tested together. Both
	// are nil where there is no test. DF are the degrees of freedom of the test.
	P         *float64 `json:"p,omitempty"`
	Corrected *float64 `json:"corrected_p,omitempty"`
	DF        float64  `json:"degrees_of_freedom,omitempty"`
	// Seeds is Student's interval over seeds, for these test examples; Examples
	// is the bootstrap's over test examples, for these models. Each covers one of
	// the two sources alone.
	Seeds    *Interval `json:"over_seeds,omitempty"`
	Examples *Interval `json:"over_examples,omitempty"`
	// Bootstrap is in results that were written before there was a test.
	Bootstrap *Interval `json:"bootstrap,omitempty"`
	Verdict   string    `json:"verdict"`
}

// difference is what is told of the evidence, without the verdict where there
// can be one.
func (e *evidence) difference(confidence float64) *Difference {
	if len(e.values) == 0 {
		return &Difference{Verdict: Undefined}
	}
	d := &Difference{Mean: e.mean, Values: e.values, Verdict: e.barred}
	d.Interval = e.interval(confidence)
	d.Seeds, d.Examples = studentInterval(e.values, confidence), percentileInterval(e.draws, confidence)
	switch {
	case !e.tested && len(e.values) < 2:
		d.Verdict = OneSeed
	case !e.tested:
		d.Verdict = Undefined
	case e.barred == "":
		d.P, d.DF = &e.p, e.student.Nu
	}
	return d
}

// claim is a difference that is tested.
type claim struct {
	*Difference
	higher bool // above 0 is better
	long   bool // single models see their examples far more often
}

// claims are the differences of a comparison that are tested together.
func (r *Result) claims() []claim {
	var all []claim
	long := false
	for i := range r.Tasks {
		t := &r.Tasks[i]
		all, long = append(all, claim{&t.Difference, t.HigherIsBetter, t.Updates.long()}), long || t.Updates.long()
	}
	if over := r.overall(); over != nil {
		all = append(all, claim{over, true, long})
	}
	return all
}

// overall is the difference over all tasks that is tested: the mean, or delta-m
// where a metric has a unit; nil where there is neither.
func (r *Result) overall() *Difference {
	if r.Mean != nil {
		return r.Mean
	}
	return r.DeltaM
}

func (r *Result) decide() { decide(r.claims(), r.Confidence) }

// decide gives verdicts on differences that are tested together.
func decide(claims []claim, confidence float64) {
	claims = slices.DeleteFunc(slices.Clone(claims), func(c claim) bool { return c.P == nil })
	p := make([]float64, len(claims))
	for i, c := range claims {
		p[i] = *c.P
	}
	for i, q := range corrected(p) {
		c := claims[i]
		c.Corrected, c.Verdict = &q, Unshown
		switch {
		case q > 1-confidence:
		case (c.Mean > 0) == c.higher:
			c.Verdict = Helped
		case c.long:
			c.Verdict = MorePasses
		default:
			c.Verdict = Hurt
		}
	}
}

// Judge compares joint models with single-task ones, as [Run] does, by their
// predictions on the test data. joint is by seed, single by task and seed; a missing
// model is nil. updates has the updates of each task in training; nil where both
// models have as many. Of the options it reads Confidence and Resamples.
func Judge(joint []*score.Answers, single [][]*score.TaskAnswers, updates []Updated, o Options) (*Result, error) {
	o = o.withDefaults()
	var tasks, metrics []string
	if i := slices.IndexFunc(joint, func(a *score.Answers) bool { return a != nil }); i >= 0 {
		for _, t := range joint[i].Tasks {
			tasks, metrics = append(tasks, t.Task), append(metrics, t.Metric)
		}
	}
	p, err := newPairs(joint, single, tasks)
	if err != nil {
		return nil, err
	}
	for i, a := range p.tasks {
		if i < len(updates) {
			a.updates = &updates[i]
		}
	}
	return judge(p, metrics, o.Resamples, o.Confidence), nil
}

// judge compares the models from their answers.
func judge(p *pairs, metrics []string, resamples int, confidence float64) *Result {
	r := &Result{Confidence: confidence, Resamples: resamples}
	whole := p.whole()
	draws := p.resample(resamples, bootstrapSeed)
	there := make([]*evidence, len(p.tasks))
	for i, a := range p.tasks {
		if len(p.common(a)) > 0 {
			there[i] = p.ofTask(i, whole, draws)
		}
	}
	of := pooled(slices.DeleteFunc(slices.Clone(there), func(e *evidence) bool { return e == nil }))
	var gains []float64
	for i, a := range p.tasks {
		e := there[i]
		if e == nil && !a.unlabelled {
			continue
		}
		t := Task{Task: a.task, Metric: metrics[i], HigherIsBetter: metric.HigherIsBetter(metrics[i]), Examples: len(a.rows), Updates: a.updates}
		if a.undefined {
			if t.Undefined = metric.Reason(t.Metric); a.unlabelled {
				t.Undefined = "there is no label"
			}
			r.Tasks = append(r.Tasks, t)
			continue
		}
		e.test(of)
		if len(e.seeds) < p.seeds {
			t.Places = e.seeds
		}
		t.Single, t.Joint, t.Difference = a.sampleOf(whole.single[i], whole.joint[i]), a.sampleOf(whole.joint[i], whole.single[i]), *e.difference(confidence)
		r.Tasks = append(r.Tasks, t)
		gains = append(gains, a.gain(e.mean))
	}
	if len(r.Tasks) < len(p.tasks) || len(gains) == 0 {
		r.decide()
		return r
	}
	if slices.ContainsFunc(r.Tasks, func(t Task) bool { return t.Undefined == "" && metric.HasUnit(t.Metric) }) {
		_, r.DeltaM = p.overTasks(whole, draws, confidence, true)
	} else {
		r.OverTasks = studentInterval(gains, confidence)
		r.Mean, r.DeltaM = p.overTasks(whole, draws, confidence, false)
	}
	r.decide()
	return r
}

// bootstrapSeed makes the same comparison give the same intervals.
const bootstrapSeed = 1

// common are the seeds of which both models of a task are there.
func (p *pairs) common(a *answered) []int {
	var seeds []int
	for s := range p.seeds {
		if a.joint[s] != nil {
			seeds = append(seeds, s)
		}
	}
	return seeds
}

// sampleOf are the values of the seeds of which both models have one.
func (a *answered) sampleOf(values, others []float64) Sample {
	var there []float64
	for s, x := range values {
		if !math.IsNaN(x) && !math.IsNaN(others[s]) {
			there = append(there, x)
		}
	}
	return newSample(there)
}

// ofTask gathers what is known of one task's difference.
func (p *pairs) ofTask(i int, whole *sample, draws []*sample) *evidence {
	a := p.tasks[i]
	joint := func(s *sample, seed int) float64 { return s.joint[i][seed] }
	single := func(s *sample, seed int) float64 { return s.single[i][seed] }
	kinds := []figure{joint, single}
	if p.paired {
		kinds = nil
	}
	e := newEvidence(whole, draws, p.common(a), func(s *sample, seed int) float64 { return joint(s, seed) - single(s, seed) }, kinds...)
	e.df, e.higher = float64(len(a.rows)), a.higher
	if a.updates.short() {
		e.barred = FewerUpdates
	}
	return e
}

// overTasks compares the means over tasks, and those of relative gains. One of them
// is tested: the relative gains where a metric has a unit. Every task has all seeds
// that any has.
func (p *pairs) overTasks(whole *sample, draws []*sample, confidence float64, units bool) (mean, deltaM *Difference) {
	var seeds []int
	barred := ""
	for s := range p.seeds {
		if !slices.ContainsFunc(p.tasks, func(a *answered) bool { return a.joint[s] == nil && !a.undefined }) {
			seeds = append(seeds, s)
		}
	}
	for _, a := range p.tasks {
		if a.updates.short() {
			barred = FewerUpdates
		}
	}
	if len(seeds) == 0 {
		return nil, nil
	}
	var kinds []figure
	if !p.paired {
		kinds = []figure{
			func(s *sample, seed int) float64 {
				return p.mean(func(i int, a *answered) float64 { return a.gain(s.joint[i][seed]) })
			},
			func(s *sample, seed int) float64 {
				return p.mean(func(i int, a *answered) float64 { return a.gain(s.single[i][seed]) })
			},
		}
	}
	e := newEvidence(whole, draws, seeds, p.meanGain, kinds...)
	e.df, e.higher, e.barred = float64(p.size), true, barred
	e.test(prior{})
	mean = e.difference(confidence)
	relative := newEvidence(whole, draws, seeds, p.deltaM)
	if len(relative.values) == 0 || slices.ContainsFunc(relative.values, func(v float64) bool { return math.IsInf(v, 0) }) {
		return mean, nil
	}
	relative.df, relative.higher = float64(p.size), true
	if units {
		relative.barred = barred
	}
	relative.test(prior{})
	deltaM = relative.difference(confidence)
	if !units {
		// It is the mean difference in other units: a second verdict would be one
		// more chance to be wrong.
		deltaM.P, deltaM.Verdict = nil, ""
	}
	return mean, deltaM
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
