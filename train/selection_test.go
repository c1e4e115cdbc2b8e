package train_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"espalier/data"
	"espalier/models"
	"espalier/recipe"
	"espalier/safetensors"
	"espalier/train"
)

// prices is a table of a price in some unit, and of two classifications.
func prices(t *testing.T, scale, shift float64, set ...string) (*models.Model, train.Config, *data.Dataset) {
	t.Helper()
	var b strings.Builder
	b.WriteString("area,age,price,sold,grade\n")
	for i := range 64 {
		area, age := 40+(i*37)%90, (i*i)%60
		fmt.Fprintf(&b, "%d,%d,%v,%s,%c\n", area, age, float64(3*area-age+(i*71)%200)*scale+shift, []string{"no", "yes"}[(area+age+i%4)/50%2], 'x'+(i*i+i)%3)
	}
	m, r, d := tableOf(t, b.String(), `
data: {train: {format: csv, file: d.csv}}
columns: {numeric: [area, age]}
trunk: {type: mlp, hidden: [8]}
tasks:
  price: {type: regression, stop: {patience: 3, then: freeze}}
  sold: {type: classification, metric: log_loss}
  grade: {type: classification}
train: {epochs: 40, batch: 8, patience: 6, optimizer: {lr: 0.1}, schedule: {type: plateau, patience: 1}, sampling: {method: progress, batches: mixed}}
`, set...)
	return m, r.Training(), d
}

// decisions are what a run's epochs decide: which is the best so far, the rates
// that plateaus left, and the tasks' states.
func decisions(epochs []train.Epoch) []string {
	var all []string
	for _, e := range epochs {
		text := fmt.Sprintf("%d best %v rate %v", e.Epoch, e.Best, e.LR)
		for _, s := range e.Valid {
			text += fmt.Sprintf(" %v %v", e.Tasks[s.Task].State, e.Tasks[s.Task].LR)
		}
		all = append(all, text)
	}
	return all
}

// TestChoicesHaveNoUnit: a price in another unit, with another zero, is learned
// with the same epochs, rates and ends of tasks, to the same parameters.
func TestChoicesHaveNoUnit(t *testing.T) {
	for _, metric := range []string{"rmse", "mae", "mse", "r2"} {
		fit := func(scale, shift float64) (*train.Trainer, []string) {
			m, c, d := prices(t, scale, shift, "tasks.price.metric="+metric)
			tr := trainerOf(t, m, c)
			set, valid := d.Split(0.4, 1)
			res, err := tr.Fit(context.Background(), set, valid, train.Hooks{})
			if err != nil {
				t.Fatal(err)
			}
			return tr, append(decisions(res.Epochs), fmt.Sprint(res.Best))
		}
		one, want := fit(1.0/1024, 0)
		if n := len(want); n < 8 || n > 40 || !strings.Contains(strings.Join(want, "\n"), "frozen") || want[0][strings.Index(want[0], "rate"):] == want[n-2][strings.Index(want[n-2], "rate"):] {
			t.Errorf("%s: the run decides too little to tell anything:\n%s", metric, strings.Join(want, "\n"))
		}
		for _, unit := range [][2]float64{{1 << 20, 0}, {1e6, 3e6}} {
			other, got := fit(unit[0], unit[1])
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s times %v plus %v: %s", metric, unit[0], unit[1], diff)
				continue
			}
			for name, v := range one.Parameters() {
				for i, x := range v.Float32s() {
					if y := other.Parameters()[name].Float32s()[i]; math.Abs(float64(x-y)) > 1e-3 {
						t.Fatalf("%s times %v plus %v: %s is %v, not %v", metric, unit[0], unit[1], name, y, x)
					}
				}
			}
		}
	}
}

// splits are what a recipe makes of a table for training and of another for
// validation.
func splits(t *testing.T, text, training, validation string) (m *models.Model, c train.Config, set, valid *data.Dataset) {
	t.Helper()
	r, err := recipe.Parse("r.yaml", []byte("data: {train: {format: csv, file: t.csv}, valid: {format: csv, file: v.csv}}\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	r.FS = fstest.MapFS{"t.csv": {Data: []byte(training)}, "v.csv": {Data: []byte(validation)}}
	encoder, err := r.Encoder()
	if err == nil {
		err = encoder.Learn(r.Sources("train"))
	}
	if err == nil {
		set, err = encoder.Encode(r.Sources("train"))
	}
	if err == nil {
		valid, err = encoder.Encode(r.Sources("valid"))
	}
	if err == nil {
		m, err = models.New(encoder.Schema(), r.Model())
	}
	if err != nil {
		t.Fatal(err)
	}
	return m, r.Training(), set, valid
}

// binary is a table of so many examples, of which those from one on say yes.
func binary(n, yes int) string {
	var b strings.Builder
	b.WriteString("a,b,y\n")
	for i := range n {
		answer := "no"
		if i >= yes {
			answer = "yes"
		}
		fmt.Fprintf(&b, "%d,%d,%s\n", i%7, (i*i)%11, answer)
	}
	return b.String()
}

const ofAUC = `
columns: {numeric: [a, b]}
trunk: {type: mlp, hidden: [4]}
tasks: {y: {type: classification, metric: auc}}
train: {epochs: 6, batch: 8, patience: 2, optimizer: {lr: 0.01}}
`

// TestAnUndefinedMetricDecidesNothing: the area under the curve of one class is
// no number, ends nothing by patience, and does not choose an epoch; the last is
// kept, and that is said. A run that is resumed goes on to the same bytes.
func TestAnUndefinedMetricDecidesNothing(t *testing.T) {
	m, c, set, valid := splits(t, ofAUC, binary(40, 20), binary(10, 0))
	var told []string
	var half []byte
	tr := trainerOf(t, m, c)
	res, err := tr.Fit(context.Background(), set, valid, train.Hooks{
		Warn: func(text string) { told = append(told, text) },
		Epoch: func(e train.Epoch) error {
			if e.Epoch != 3 {
				return nil
			}
			var b bytes.Buffer
			err := safetensors.Write(&b, tr.State())
			half = b.Bytes()
			return err
		},
	})
	if err != nil || len(res.Epochs) != 6 || res.Best != 6 {
		t.Fatalf("%d epochs, the best is %d, %v", len(res.Epochs), res.Best, err)
	}
	for _, e := range res.Epochs {
		s := e.Valid[0]
		if _, there := s.Metrics["auc"]; there || !math.IsNaN(s.Value()) || e.Score != nil || s.Undefined["auc"] != "all labels are of one class" || s.Metrics["accuracy"] == 0 {
			t.Errorf("epoch %d: %+v", e.Epoch, e.Valid)
		}
		if line, err := json.Marshal(e); err != nil || strings.Contains(string(line), `"score"`) {
			t.Errorf("the log has %s (%v)", line, err)
		}
	}
	want := []string{
		`auc of task "y" is not defined on the validation data, where all labels are of one class; it does not count in the choice of the best epoch`,
		`no epoch has a score, because no metric that counts is defined on the validation data: the last epoch is kept, and patience is ignored`,
	}
	if diff := cmp.Diff(want, told); diff != "" || !cmp.Equal(want, tr.Warnings()) {
		t.Error(diff)
	}
	again := trainerOf(t, m, c)
	state, err := safetensors.Decode(half)
	if err == nil {
		err = again.Resume(state)
	}
	if err == nil {
		_, err = again.Fit(context.Background(), set, valid, train.Hooks{})
	}
	if err != nil {
		t.Fatal(err)
	}
	whole, err1 := encoded(tr.State())
	resumed, err2 := encoded(again.State())
	if err1 != nil || err2 != nil || !bytes.Equal(whole, resumed) {
		t.Errorf("a resumed run ends in another state (%v, %v)", err1, err2)
	}
}

// TestAnEpochIsNotChosenForBeingWrong: the micro F1 of labels that no validation
// example has is defined as soon as one is predicted. It has no part in the score,
// so that epochs which predict none are not held to be worth less.
func TestAnEpochIsNotChosenForBeingWrong(t *testing.T) {
	table := func(n int, labels string) string {
		lines := strings.Split(strings.TrimSpace(binary(n, n/2)), "\n")
		for i := range lines[1:] {
			lines[i+1] += "," + labels
		}
		return lines[0] + ",z\n" + strings.Join(lines[1:], "\n") + "\n"
	}
	m, c, set, valid := splits(t, `
columns: {numeric: [a, b]}
trunk: {type: mlp, hidden: [4]}
tasks: {y: {type: classification}, z: {type: multilabel, separator: ;, metric: micro_f1}}
train: {epochs: 3, batch: 8}
`, table(40, "p;q"), table(10, ";"))
	tr := trainerOf(t, m, c)
	res, err := tr.Fit(context.Background(), set, valid, train.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range res.Epochs {
		y, z := e.Valid[0], e.Valid[1]
		if z.Value() != 0 || e.Score == nil || *e.Score != *y.Score {
			t.Errorf("epoch %d: the score is %v, y has %v, z %v", e.Epoch, *e.Score, *y.Score, z.Value())
		}
	}
	measured, err := tr.Measure(context.Background(), valid)
	if err != nil {
		t.Fatal(err)
	}
	tr.Review(measured)
	if want := `micro_f1 of task "z" is not defined on the validation data, where no label is true or predicted; it does not count in the choice of the best epoch`; !slices.Contains(tr.Warnings(), want) || strings.Contains(strings.Join(tr.Warnings(), "\n"), `"z" has not learned`) {
		t.Errorf("the warnings are %q", tr.Warnings())
	}
}

// TestValidationDataThatSayNothing: what follows a metric that is not defined on
// the validation data, and a choice by tasks without a label there, are errors
// before the first epoch.
func TestValidationDataThatSayNothing(t *testing.T) {
	two := strings.Replace(ofAUC, "tasks: {y: {type: classification, metric: auc}}", "tasks: {y: {type: classification}, z: {type: classification, field: b}}", 1)
	for name, c := range map[string]struct{ recipe, valid, want string }{
		"a misspelt column": {
			ofAUC, strings.Replace(binary(10, 5), "y", "Y", 1),
			`train: the validation data have no label of "y", so that no epoch can be chosen by them: label some examples, or leave data.valid out to hold some of the training data back (v.csv: no example has "y", which "y" is read from; did you mean "Y"?)`,
		},
		"the task that decides has no label": {
			strings.Replace(two, "patience: 2", "select: y", 1), "a,b\n1,1\n",
			`train: the validation data have no label of "y", so that no epoch can be chosen by them: label some examples, or leave data.valid out to hold some of the training data back`,
		},
		"a stop": {
			strings.Replace(ofAUC, "metric: auc", "metric: auc, stop: {patience: 1}", 1), binary(10, 0),
			`train: a learning rate, a stop or the order follows the metric of task "y", and auc is not defined on the validation data, where all labels are of one class: give it others, name another metric, or take a schedule that needs none`,
		},
		"another task has labels": {two, "a,b\n1,1\n1,4\n", "<nil>"},
	} {
		m, config, set, valid := splits(t, c.recipe, binary(40, 20), c.valid)
		tr := trainerOf(t, m, config)
		epochs := 0
		_, err := tr.Fit(context.Background(), set, valid, train.Hooks{Epoch: func(train.Epoch) error { epochs++; return nil }})
		if got := fmt.Sprint(err); got != c.want || (err != nil) == (epochs > 0) {
			t.Errorf("%s: after %d epochs\n got %s\nwant %s", name, epochs, got, c.want)
		}
		if err == nil && !slices.Contains(tr.Warnings(), `task "y" has no label in the validation data, so that it does not count in the choice of the best epoch`) {
			t.Errorf("%s: the warnings are %q", name, tr.Warnings())
		}
	}
}

// noise is a table whose labels and price have nothing to do with its columns.
func noise(n, seed int) string {
	var b strings.Builder
	b.WriteString("a,b,y,price\n")
	for i := range n {
		x := (i*i*7 + i*seed) % 31
		fmt.Fprintf(&b, "%d,%d,%s,%d\n", i%7, (i*i)%11, []string{"often", "often", "often", "rare", "often", "seldom"}[x%6], 10000+x*(x%5))
	}
	return b.String()
}

// TestWhatTrainingWarnsOf: a model of noise is no better than a constant answer,
// never gives some labels, and is best at the wrong end of a run.
func TestWhatTrainingWarnsOf(t *testing.T) {
	const text = `
columns: {numeric: [a, b]}
trunk: {type: mlp, hidden: [4]}
tasks: {y: {type: classification}, price: {type: regression}}
train: {epochs: 12, batch: 8, optimizer: {lr: 0.0001}}
`
	warned := func(text string) []string {
		m, c, set, valid := splits(t, text, noise(60, 3), noise(40, 5))
		tr := trainerOf(t, m, c)
		if _, err := tr.Fit(context.Background(), set, valid, train.Hooks{}); err != nil {
			t.Fatal(err)
		}
		measured, err := tr.Measure(context.Background(), valid)
		if err != nil {
			t.Fatal(err)
		}
		tr.Review(measured)
		return tr.Warnings()
	}
	// The baselines by hand.
	frequent, mean, square := 0, 0.0, 0.0
	rows := func(table string, do func(label string, price float64)) {
		for _, line := range strings.Split(strings.TrimSpace(table), "\n")[1:] {
			cells := strings.Split(line, ",")
			price, _ := strconv.ParseFloat(cells[3], 64)
			do(cells[2], price)
		}
	}
	rows(noise(60, 3), func(_ string, price float64) { mean += price / 60 })
	rows(noise(40, 5), func(label string, price float64) {
		if label == "often" {
			frequent++
		}
		square += (price - mean) * (price - mean) / 40
	})
	often := fmt.Sprintf(`always predicting "often" gives %.4f`, float64(frequent)/40)
	average := fmt.Sprintf("always predicting the training mean, %.6g, gives %.4f", mean, math.Sqrt(square))
	for name, c := range map[string]struct {
		text string
		want []string // in this order
	}{
		"a rate that is too low": {text, []string{"the best epoch is the last of 12: the model may not be done learning; raise train.epochs", `task "y" has not learned: accuracy on validation is 0.6500, and ` + often}},
		"the majority alone": {strings.Replace(text, "0.0001", "0.02", 1), []string{
			`task "y" has not learned: accuracy on validation is 0.7250, and ` + often, `task "y": "rare" and "seldom" are true in the validation data and never predicted there`,
		}},
		"no time": {strings.Replace(text, "12", "1", 1), []string{`task "y" has not learned`, `task "price" has not learned: rmse on validation is 26.2652, and ` + average}},
		"overfitting": {strings.NewReplacer("[4]", "[64]", "0.0001", "0.05", "epochs: 12", "epochs: 12, select: loss").Replace(text), []string{
			"the best epoch is 1 of 12, and none after it was better: lower train.optimizer.lr, or train against overfitting (dropout, weight_decay)",
		}},
	} {
		got := warned(c.text)
		left := slices.Clone(c.want)
		for _, line := range got {
			if len(left) > 0 && strings.HasPrefix(line, left[0]) {
				left = left[1:]
			}
			if strings.Contains(line, "\n") {
				t.Errorf("%s: %q is more than a line", name, line)
			}
		}
		if len(left) > 0 {
			t.Errorf("%s: %q does not say %q", name, got, left)
		}
	}
}
