package compare

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/metric"
	"espalier/schema"
	"espalier/train/score"
)

// TestDeltaM: the formula of Maninis et al. by hand, on an accuracy that rises
// by a tenth of itself and an error that rises by a quarter.
func TestDeltaM(t *testing.T) {
	p := &pairs{seeds: 1, tasks: []*answered{{higher: true}, {higher: false}}}
	s := &sample{single: [][]float64{{0.8}, {2}}, joint: [][]float64{{0.88}, {2.5}}}
	if got := p.deltaM(s, 0); math.Abs(got-(0.1-0.25)/2) > 1e-12 {
		t.Errorf("delta-m is %v", got)
	}
	if got := p.meanGain(s, 0); math.Abs(got-(0.08-0.5)/2) > 1e-12 {
		t.Errorf("the mean gain is %v", got)
	}
	s.single[0][0] = 0
	p.tasks[0].joint, p.tasks[1].joint = make([][]metric.Accumulator, 1), make([][]metric.Accumulator, 1)
	for _, a := range p.tasks {
		a.joint[0] = []metric.Accumulator{}
	}
	if mean, d := p.overTasks(s, nil, 0.95, false); d != nil || mean == nil {
		t.Errorf("relative to 0 delta-m is %v, and the mean %v", d, mean)
	}
}

// TestMetricsWithAUnitHaveNoMean: where a price's rmse stands beside an accuracy,
// nothing is said of the mean of dollars and shares. Delta-m, which has no unit, is
// tested in its place: a change of the price's unit changes nothing of it.
func TestMetricsWithAUnitHaveNoMean(t *testing.T) {
	const n, seeds = 200, 3
	judged := func(unit float64) *Result {
		r := rand.New(rand.NewPCG(4, 4))
		var joint []*score.Answers
		single := make([][]*score.TaskAnswers, 2)
		model := func(right, spread float64) []score.TaskAnswers {
			price := score.TaskAnswers{Task: "price", Metric: "rmse", Type: schema.Regression, Rows: upTo(n)}
			kind := make([]int64, n)
			for i := range n {
				price.TrueValues = append(price.TrueValues, unit*float64(i))
				price.PredictedValues = append(price.PredictedValues, unit*(float64(i)+spread*r.NormFloat64()))
				if r.Float64() > right {
					kind[i] = 1
				}
			}
			return []score.TaskAnswers{price, classified("kind", "accuracy", upTo(n), kind, make([]int64, n))}
		}
		for range seeds {
			joint = append(joint, &score.Answers{Examples: n, Tasks: model(0.9, 5)})
			for i, a := range model(0.7, 10) {
				single[i] = append(single[i], &a)
			}
		}
		result, err := Judge(joint, single, nil, Options{Resamples: 200})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	dollars, cents := judged(1), judged(128) // which float64 multiplies by exactly
	if dollars.Mean != nil || dollars.OverTasks != nil {
		t.Errorf("the mean of dollars and shares is %+v, over tasks %+v", dollars.Mean, dollars.OverTasks)
	}
	if d := dollars.DeltaM; d == nil || d.Verdict != Helped || d.P == nil || math.Abs(d.Mean-0.4) > 0.1 {
		t.Errorf("delta-m is %+v", d)
	}
	if diff := cmp.Diff(dollars.DeltaM, cents.DeltaM); diff != "" {
		t.Errorf("another unit: %s", diff)
	}
}

func TestTables(t *testing.T) {
	r := &Result{
		Recipe: "small", Budget: Epochs, Seeds: []int{1, 2}, Confidence: 0.95, Resamples: 100,
		Tasks: []Task{{
			Task: "price", Metric: "rmse", Single: Sample{2, 0.5, []float64{1.5, 2.5}}, Joint: Sample{1, 0, []float64{1, 1}},
			Difference: Difference{Mean: -1, Seeds: &Interval{-1.5, -0.5}, Bootstrap: &Interval{-2, -0.25}, Verdict: Helped},
		}},
		DeltaM:     &Difference{Mean: 0.5, Bootstrap: &Interval{0.1, 0.75}, Verdict: Helped},
		Resources:  &Resources{Parameters: Cost{400, 100, 0.25}, TrainSeconds: Cost{3, 1.5, 0.5}},
		Unfinished: Unfinished{Single: 1, SingleOf: 2, JointOf: 2},
		Failed:     []Failure{{Seed: 2, Model: "task topic alone", Message: "it broke"}},
	}
	var text, markdown bytes.Buffer
	if err := Text(&text, r); err != nil {
		t.Fatal(err)
	}
	if err := Markdown(&markdown, r); err != nil {
		t.Fatal(err)
	}
	const foot = `small: test data, 2 seeds, the same number of epochs. Single and joint: mean ± standard deviation over seeds.
Intervals at 95 % of joint minus single: Student's over seeds; bootstrap of 100 draws of seeds and test examples.
A verdict other than "no difference shown" needs every interval to exclude 0.
Best in the last epoch, and perhaps not done learning: 1 of 2 single models, 0 of 2 joint ones.
Failed: seed 2, task topic alone: it broke
`
	const wantText = `task     metric                 single           joint            difference  over seeds          bootstrap           verdict
price    rmse (less is better)  2.0000 ± 0.5000  1.0000 ± 0.0000  -1.0000     [-1.5000, -0.5000]  [-2.0000, -0.2500]  helped
delta-m  %                                                        +50.00      -                   [+10.00, +75.00]    helped

cost              single models  joint model  joint / single
parameters        400            100          0.250
training seconds  3.0            1.5          0.500

` + foot
	const wantMarkdown = `| task | metric | single | joint | difference | over seeds | bootstrap | verdict |
|---|---|---|---|---|---|---|---|
| price | rmse (less is better) | 2.0000 ± 0.5000 | 1.0000 ± 0.0000 | -1.0000 | [-1.5000, -0.5000] | [-2.0000, -0.2500] | helped |
| delta-m | % |  |  | +50.00 | - | [+10.00, +75.00] | helped |

| cost | single models | joint model | joint / single |
|---|---|---|---|
| parameters | 400 | 100 | 0.250 |
| training seconds | 3.0 | 1.5 | 0.500 |

` + foot
	if diff := cmp.Diff(wantText, text.String()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantMarkdown, markdown.String()); diff != "" {
		t.Error(diff)
	}
	text.Reset()
	r.Budget = Steps
	if err := Text(&text, r); err != nil || !strings.Contains(text.String(), "2 seeds, single models with at least as many steps. Single") {
		t.Errorf("of steps it says %s (%v)", text.String(), err)
	}
}

// TestAMetricThatTestDataDoNotDefine: its task says why, has no figures, and is
// left out of the means; draws that do not define it are, too.
func TestAMetricThatTestDataDoNotDefine(t *testing.T) {
	answers := func(ones int, good []int64) *score.Answers {
		area := score.TaskAnswers{Task: "area", Metric: "auc", Type: schema.Classification, Labels: []string{"a", "b"}, Rows: upTo(6)}
		for i := range 6 {
			area.PredictedValues = append(area.PredictedValues, float64(i)/6)
			area.TrueValues = append(area.TrueValues, map[bool]float64{true: 1, false: 0}[i >= 6-ones])
		}
		return &score.Answers{Examples: 6, Tasks: []score.TaskAnswers{
			area, classified("topic", "accuracy", upTo(6), good, []int64{0, 0, 0, 1, 1, 1}),
		}}
	}
	right, wrong := []int64{0, 0, 0, 1, 1, 1}, []int64{0, 0, 0, 0, 0, 0}
	compared := func(ones int) *Result {
		single, joint := answers(ones, wrong), answers(ones, right)
		p, err := newPairs([]*score.Answers{joint}, [][]*score.TaskAnswers{{&single.Tasks[0]}, {&single.Tasks[1]}}, []string{"area", "topic"})
		if err != nil {
			t.Fatal(err)
		}
		return judge(p, []string{"auc", "accuracy"}, 400, 0.95)
	}
	r := compared(0)
	if area := r.Tasks[0]; area.Undefined != "all labels are of one class" || area.Single.Values != nil || area.Difference.Verdict != "" {
		t.Errorf("the area of one class is %+v", area)
	}
	if r.Mean.Mean != 0.5 || r.Tasks[1].Difference.Mean != 0.5 || r.means(func(t *Task) Sample { return t.Joint }).Mean != 1 {
		t.Errorf("the mean difference is %v", r.Mean)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
	var b bytes.Buffer
	if err := Text(&b, r); err != nil || !strings.Contains(b.String(), "not defined\n") ||
		!strings.Contains(b.String(), "\nauc of area is not defined on the test data, where all labels are of one class; the task is left out of the mean.\n") {
		t.Errorf("%s (%v)", b.String(), err)
	}
	// Of one example of the second class, a third of the draws have none.
	if area := compared(1).Tasks[0]; area.Single.Mean != 1 || area.Difference.Examples == nil || *area.Difference.Examples != (Interval{}) {
		t.Errorf("the same areas differ: %+v", area.Difference)
	}
}

// TestBaselinesWithoutTheMetric: of two baselines, one of which never says the
// label that the metric is about, the other keeps its figure.
func TestBaselinesWithoutTheMetric(t *testing.T) {
	truth := []int64{0, 0, 1, 1}
	never, sometimes := [][]int64{{0, 0, 0, 0}}, [][]int64{{0, 1, 1, 1}}
	of := func(predicted [][]int64) modelled {
		a := classified("a", "precision:b", upTo(4), predicted[0], truth)
		return modelled{&a}
	}
	for _, c := range []struct {
		constant, linear modelled
		says             []string
	}{
		{of(never), of(sometimes), []string{"-", "0.6667", "+0.0000"}},
		{of(sometimes), of(never), []string{"0.6667", "-", "-"}},
		{of(never), of(never), []string{"-", "-", "-"}},
	} {
		b := Baselines{Task: "a", Linear: &LinearBaseline{}}
		if err := b.compare(c.constant, c.linear, of(sometimes), of(sometimes), Options{Resamples: 20, Confidence: 0.95}); err != nil {
			t.Fatal(err)
		}
		row := (&Result{Baselines: []Baselines{b}}).baselineTable()[1]
		if got := []string{row[2], row[3], row[6]}; !b.HigherIsBetter || row[1] != "precision:b" || !cmp.Equal(got, c.says) {
			t.Errorf("the table says %q, want %q", row, c.says)
		}
	}
}

// TestNothingIsNoTable: where every model failed there is no head without rows.
func TestNothingIsNoTable(t *testing.T) {
	var text bytes.Buffer
	if err := Text(&text, &Result{Recipe: "none", Seeds: []int{1, 2}}); err != nil || !strings.HasPrefix(text.String(), "none: test data") {
		t.Errorf("the page begins with %q (%v)", text.String(), err)
	}
}

// TestWhatIsSaidOfTests: a table without a test speaks of none.
func TestWhatIsSaidOfTests(t *testing.T) {
	p := 0.5
	tested, not := claim{Difference: &Difference{P: &p}}, claim{Difference: &Difference{Verdict: FewerUpdates}}
	if got := reading([]claim{not}, 3, 0.95); strings.Contains(got, "p is") || !strings.Contains(got, "test examples.\n") {
		t.Errorf("without a test the page says %q", got)
	}
	if got := reading([]claim{tested, not}, 3, 0.95); !strings.Contains(got, "corrected for 1 test at a time") {
		t.Errorf("with a test the page says %q", got)
	}
	joint := func(verdict string) Varied {
		return Varied{Comparison: &Result{}, OverFirst: &Difference{Verdict: verdict}}
	}
	v := Variants{Seeds: []int{1}, Variants: []Varied{joint(""), joint(OneSeed)}}
	if got := v.reading(); strings.Contains(got, "corrected") {
		t.Errorf("with one seed the page says %q", got)
	}
}
