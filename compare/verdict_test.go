package compare

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/metric"
	"espalier/train/score"
)

// samplesOf are samples of one task: of the joint model and the single one, by
// draw and seed.
func samplesOf(joint, single [][]float64) []*sample {
	var all []*sample
	for i := range joint {
		all = append(all, &sample{joint: joint[i : i+1], single: single[i : i+1]})
	}
	return all
}

func oneTask(draws []*sample, seeds int) *evidence {
	joint := func(s *sample, seed int) float64 { return s.joint[0][seed] }
	single := func(s *sample, seed int) float64 { return s.single[0][seed] }
	return newEvidence(draws[0], draws[1:], upTo(seeds), func(s *sample, seed int) float64 { return joint(s, seed) - single(s, seed) }, joint, single)
}

// TestSeedsAlone: where other test examples would change nothing, the test is
// Welch's; the figures are of scipy.stats.ttest_ind, SciPy 1.17.1.
func TestSeedsAlone(t *testing.T) {
	joint, single := []float64{.81, .84, .83}, []float64{.80, .79, .81}
	e := oneTask(samplesOf([][]float64{joint, joint, joint}, [][]float64{single, single, single}), 3)
	e.df, e.higher = 1000, true
	e.test(prior{})
	d := e.difference(0.95)
	if diff := cmp.Diff(&Interval{-0.004542172852289354, 0.057875506185622365}, d.Interval, close9); diff != "" {
		t.Error(diff)
	}
	if math.Abs(*d.P-0.0745883651247045) > 1e-9 || math.Abs(d.DF-3.448275862068973) > 1e-9 {
		t.Errorf("p is %v with %v degrees of freedom", *d.P, d.DF)
	}
}

// TestBothSourcesOfVariance: answers to n examples by S seeds' models, right by
// chances of which a part is the example's and a part the seed's. The variance
// that the test takes is, on average, that of the mean difference over
// many draws of both.
func TestBothSourcesOfVariance(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 9))
	const n, seeds, trials = 60, 4, 400
	truth := make([]int64, n)
	var means []float64
	taken, doubled := 0.0, 0.0
	for range trials {
		models := make([][]int64, 2*seeds)
		hard := make([]float64, n)
		for i := range hard {
			hard[i] = 0.5 * r.NormFloat64()
		}
		for m := range models {
			skill := 0.8 + 0.15*r.NormFloat64()
			models[m] = make([]int64, n)
			for i := range models[m] {
				if hard[i]+0.7*r.NormFloat64() > skill {
					models[m][i] = 1
				}
			}
		}
		p := onePair(t, "accuracy", truth, models[:seeds], models[seeds:])
		e := p.ofTask(0, p.whole(), p.resample(60, 1))
		e.test(prior{})
		means = append(means, e.mean)
		taken += e.spread * e.spread / trials
		doubled += (e.kinds[0].examples + e.kinds[1].examples) / seeds / trials
	}
	_, sd := meanSD(means)
	// Three standard errors of a variance from 400 trials, and a variance between
	// seeds that is never less than the examples alone explain.
	if ratio := taken / (sd * sd); ratio < 0.79 || ratio > 1.35 {
		t.Errorf("the test takes %.3f of the variance", ratio)
	}
	if doubled/(sd*sd) < 0.2 {
		t.Error("models of two seeds answer alike: the test shows nothing")
	}
}

// TestUnanimous: where one model is right on all examples and the other on none,
// with every seed, there is no variance to test with. Many examples show it, a
// few do not, and models that do not differ have a p of 1.
func TestUnanimous(t *testing.T) {
	for _, c := range []struct {
		examples, seeds int
		from, to        float64 // of p
	}{{1, 5, 0.1, 1}, {3, 3, 0.1, 1}, {6, 5, 0, 0.05}, {60, 3, 0, 0.005}, {60, 2, 0, 0.03}} {
		truth, wrong := make([]int64, c.examples), make([]int64, c.examples)
		for i := range wrong {
			wrong[i] = 1
		}
		single, joint := make([][]int64, c.seeds), make([][]int64, c.seeds)
		for s := range single {
			single[s], joint[s] = wrong, truth
		}
		p := onePair(t, "accuracy", truth, single, joint)
		d := judge(p, []string{"accuracy"}, 50, 0.95).Tasks[0].Difference
		if d.Mean != 1 || *d.P < c.from || *d.P > c.to || (*d.P <= 0.05) != (d.Interval.Low > 0) || (d.Verdict == Helped) != (*d.P <= 0.05) {
			t.Errorf("%d examples and %d seeds: p is %v, %+v", c.examples, c.seeds, *d.P, d)
		}
		same := judge(onePair(t, "accuracy", truth, joint, joint), []string{"accuracy"}, 50, 0.95).Tasks[0].Difference
		if *same.P != 1 || *same.Interval != (Interval{}) || same.Verdict != Unshown {
			t.Errorf("models that do not differ: %+v", same)
		}
	}
}

// TestPriors: the figures are Smyth's equations solved by SciPy 1.17.1.
func TestPriors(t *testing.T) {
	for _, c := range []struct {
		variances []float64
		df        float64
		want      prior
	}{
		{[]float64{1.2, 0.4, 3.1, 0.9, 7.5, 0.05, 2.2, 1.7}, 2, prior{3.98400277324571, 1.468849871836723, 16}},
		{[]float64{1.2, 40, 3.1, 0.9, 75, 0.05, 22, 1.7}, 2, prior{1.1146185994842783, 1.9864377446426194, 16}},
		{[]float64{1.2, 40, 3.1, 0.9, 7.5, 0.5, 22, 1.7}, 4, prior{1.8723655560537638, 2.408502190072113, 32}},
		{[]float64{1.2, 1.1, 0.9}, 2, prior{}}, // too few
	} {
		got := newPrior(c.variances, c.df)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(prior{}), cmpopts.EquateApprox(1e-8, 0)); diff != "" {
			t.Errorf("%v: %s", c.variances, diff)
		}
	}
	if p := newPrior([]float64{1, 1.1, 0.9, 1}, 2); !math.IsInf(p.df, 1) {
		t.Errorf("variances that are one give %+v", p)
	} else if v, df := p.moderate(5, 2); df != 8 || v != p.value {
		t.Errorf("then a variance of 5 becomes %v with %v degrees of freedom; all samples have 8", v, df)
	}
	for y, want := range map[float64]float64{
		1e-3: 1000.4999166666818, 0.1: 10.491681821078423, 1: 1.426255120215079, math.Pi * math.Pi / 6: 1, 30: 0.18662253008393503, 1e4: 0.01000081070439097,
	} {
		if got := inverseTrigamma(y); math.Abs(got/want-1) > 1e-8 {
			t.Errorf("trigamma is %v at %v, not at %v", y, want, got)
		}
	}
}

// TestPooledWithoutAMissingSeed: that a model of the first task is missing does
// not keep the others from being pooled.
func TestPooledWithoutAMissingSeed(t *testing.T) {
	var all, whole []*evidence
	for _, df := range []float64{1, 2, 2, 2} {
		e := &evidence{kinds: []luck{{seeds: df, examples: 1, df: df}, {seeds: 2 * df, examples: 1, df: df}}}
		if all = append(all, e); df == 2 {
			whole = append(whole, e)
		}
	}
	if got, want := pooled(all), pooled(whole); got != want || got.df == 0 {
		t.Errorf("with a seed missing for one task the prior is %+v, that of the others %+v", got, want)
	}
}

// TestNoVarianceBelowItsOwn: many steady models do not vouch for one that
// sometimes fails.
func TestNoVarianceBelowItsOwn(t *testing.T) {
	steady := prior{df: 50, value: 1, most: 80}
	for _, c := range []struct{ seeds, want, df float64 }{{4, 4, 52}, {0.1, 1, 52}, {900, 900, 52}} {
		l := luck{seeds: c.seeds, examples: 1, df: 2}
		if v, df := l.moderated(steady); v < c.want || df != c.df {
			t.Errorf("a variance between seeds of %v becomes %v with %v degrees of freedom", c.seeds, v, df)
		}
	}
}

// TestCorrectedForTheirNumber: the figures are of
// scipy.stats.false_discovery_control, SciPy 1.17.1.
func TestCorrectedForTheirNumber(t *testing.T) {
	got := corrected([]float64{0.01, 0.02, 0.03, 0.04, 0.005, 0.6, 0.02})
	if diff := cmp.Diff([]float64{0.035, 0.035, 0.042, 0.28 / 6, 0.035, 0.6, 0.035}, got, close9); diff != "" {
		t.Error(diff)
	}
}

func TestVerdicts(t *testing.T) {
	p := func(x float64) *float64 { return &x }
	claims := []claim{
		{&Difference{Mean: 0.1, P: p(0.001)}, true, false},
		{&Difference{Mean: 0.1, P: p(0.001)}, false, false},
		{&Difference{Mean: -0.1, P: p(0.001)}, true, false},
		{&Difference{Mean: 0.1, P: p(0.04)}, true, false},
		{&Difference{Mean: 0.1, P: p(0.8)}, true, false},
		{&Difference{Mean: 0.1, Verdict: FewerUpdates}, true, false},
		{&Difference{Mean: -0.1, P: p(0.001)}, true, true},
		{&Difference{Mean: 0.1, P: p(0.001)}, true, true},
	}
	decide(claims, 0.95)
	for i, want := range []string{Helped, Hurt, Hurt, Helped, Unshown, FewerUpdates, MorePasses, Helped} {
		if got := claims[i].Verdict; got != want {
			t.Errorf("claim %d: %s, want %s", i, got, want)
		}
	}
}

// TestUndefinedIsNotZero: a draw without the metric is left out, a task without
// it has no verdict and is left out of the mean, and both can be written.
func TestUndefinedIsNotZero(t *testing.T) {
	draws := samplesOf([][]float64{{.9, .8}, {.91, .82}, {nan, .8}, {.89, .79}}, [][]float64{{.7, .6}, {.7, .61}, {.7, .6}, {.71, .6}})
	e := oneTask(draws, 2)
	if len(e.values) != 2 || len(e.draws) != 2 || math.IsNaN(e.mean) {
		t.Errorf("of 3 draws, one of them undefined, %v are used; the mean is %v", e.draws, e.mean)
	}
	one := oneTask(samplesOf([][]float64{{.9, nan}, {.91, nan}, {.92, nan}}, [][]float64{{.7, .6}, {.7, .61}, {.7, .6}}), 2)
	if d := one.difference(0.95); d.Verdict != OneSeed || len(d.Values) != 1 {
		t.Errorf("with one seed that has the metric: %+v", d)
	}
	truth := []int64{0, 1, 0, 1}
	good, bad := [][]int64{{0, 1, 0, 1}, {0, 1, 0, 0}}, [][]int64{{0, 0, 0, 1}, {1, 1, 0, 0}}
	var joint []*score.Answers
	single := make([][]*score.TaskAnswers, 2)
	for s := range 2 {
		joint = append(joint, &score.Answers{Examples: 4, Tasks: []score.TaskAnswers{
			classified("a", "accuracy", upTo(4), good[s], truth), classified("b", "recall:b", upTo(4), good[s], []int64{0, 0, 0, 0}),
		}})
		for i := range single {
			alone := joint[s].Tasks[i]
			alone.Predicted = classified("", "", nil, bad[s], truth).Predicted
			single[i] = append(single[i], &alone)
		}
	}
	p, err := newPairs(joint, single, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	none := p.tasks[1]
	for s := range 2 { // as a metric that is not defined on these examples
		none.joint[s], none.single[s] = none.joint[s][:0], none.single[s][:0]
	}
	none.rows, none.none = nil, undefinedMetric
	result := judge(p, []string{"accuracy", "recall:b"}, 50, 0.95)
	if d := result.Tasks[1].Difference; d.Verdict != "" || d.P != nil || result.Tasks[1].Undefined == "" {
		t.Errorf("the task without a metric: %+v", d)
	}
	if want := result.Tasks[0].Difference.Mean; result.Mean == nil || math.Abs(result.Mean.Mean-want) > 1e-12 || len(result.Mean.Values) != 2 {
		t.Errorf("the mean over tasks is %+v, the task that has a metric differs by %v", result.Mean, want)
	}
	if _, err := json.Marshal(result); err != nil {
		t.Errorf("%+v %+v %+v: %v", result.Tasks[0], result.Mean, result.DeltaM, err)
	}
	var text bytes.Buffer
	if err := Text(&text, result); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == "b" && strings.Join(fields[1:], " ") != "recall:b - - - - - not defined" {
			t.Errorf("the table says %q", line)
		}
	}
}

// TestSeldomAVerdictOnNothing is bench/null in short: comparisons of five tasks
// with three seeds. Where no model differs from another but by luck, at most one
// in twenty comparisons says anything, of any task or the mean; where joint
// models are better, most of the tasks are shown.
func TestSeldomAVerdictOnNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 4))
	const tasks, seeds, n, families = 5, 3, 100, 200
	truth := make([]int64, n)
	draw := func(gain float64) *Result {
		joint, single := make([]*score.Answers, seeds), make([][]*score.TaskAnswers, tasks)
		for s := range joint {
			joint[s] = &score.Answers{Examples: tasks * n}
		}
		for task := range tasks {
			hard := make([]float64, n)
			for i := range hard {
				hard[i] = 0.8 * r.NormFloat64()
			}
			answer := func(first int, gain float64) score.TaskAnswers {
				skill := 0.8 + gain + 0.05*r.NormFloat64()
				predicted, rows := make([]int64, n), make([]int, n)
				for i := range predicted {
					if rows[i] = first + i; hard[i]+0.5*r.NormFloat64() > skill {
						predicted[i] = 1
					}
				}
				return classified(string(rune('a'+task)), "accuracy", rows, predicted, truth)
			}
			for s := range joint {
				joint[s].Tasks = append(joint[s].Tasks, answer(task*n, gain))
				alone := answer(0, 0)
				single[task] = append(single[task], &alone)
			}
		}
		result, err := Judge(joint, single, nil, Options{Resamples: 40})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	wrong, shown := 0, 0
	for range families {
		for _, c := range draw(0).claims() {
			if c.Verdict != Unshown {
				wrong++
				break
			}
		}
	}
	// Three standard errors of a share of 0.05 in 200.
	if share := float64(wrong) / families; share > 0.096 {
		t.Errorf("%.3f of comparisons without any difference have a verdict", share)
	}
	for range families / 4 {
		for _, task := range draw(0.5).Tasks { // eleven points of accuracy
			switch task.Difference.Verdict {
			case Helped:
				shown++
			case Hurt:
				t.Error("a better model hurts")
			}
		}
	}
	if share := float64(shown) / (families / 4 * tasks); share < 0.6 {
		t.Errorf("of better models %.3f are shown", share)
	}
}

// undefinedMetric counts nothing that would define it.
func undefinedMetric() metric.Accumulator { return noMetric{} }

type noMetric struct{ metric.Accumulator }

func (noMetric) Value() float64 { return nan }
