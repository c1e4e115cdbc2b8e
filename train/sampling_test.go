package train_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"gonum.org/v1/gonum/stat/distuv"

	"espalier/data"
	"espalier/models"
	"espalier/recipe"
	"espalier/task"
	"espalier/train"
	"espalier/train/sample"
)

// corpusSizes are the examples of three tasks that are annotated on different
// corpora, in the order of the recipe.
var corpusSizes = []float64{600, 90, 12}

// corpora have a file each, in which the other tasks have no labels: a class, a
// number and tags.
func corpora(t *testing.T, set ...string) (*models.Model, train.Config, *data.Dataset) {
	t.Helper()
	files := fstest.MapFS{}
	for task, name := range []string{"topic", "price", "tags"} {
		var b strings.Builder
		for i := range int(corpusSizes[task]) {
			n := 1 + (i*7+task)%20
			label := []string{"ab"[i%2 : i%2+1], fmt.Sprint(i % 5), strings.Repeat("X ", n-1) + "Y"}[task]
			fmt.Fprintf(&b, "%s\t%s\n", strings.TrimSpace(strings.Repeat(fmt.Sprintf("w%d ", i%9), n)), label)
		}
		files[name+".tsv"] = &fstest.MapFile{Data: []byte(b.String())}
	}
	r, err := recipe.Parse("r.yaml", []byte(`
data:
  defaults: {format: tsv, header: false}
  train:
    - {file: topic.tsv, fields: {text: 0, topic: 1}}
    - {file: price.tsv, fields: {text: 0, price: 1}}
    - {file: tags.tsv, fields: {text: 0, tags: 1}}
inputs: {text: {type: text}}
trunk: {embedding: 4}
tasks: {topic: {type: classification}, price: {type: regression, metric: r2}, tags: {type: tagging}}
train: {epochs: 3, batch: 4, optimizer: {lr: 0.001}}
`))
	if err != nil {
		t.Fatal(err)
	}
	r.FS = files
	if r, err = r.With(set...); err != nil {
		t.Fatal(err)
	}
	return learned(t, r)
}

// trained is what an epoch trained, by task.
type trained struct {
	steps    []int   // on labels of the task alone
	examples []int   // draws of the task's
	times    [][]int // each example
	scores   []float64
}

// watched trains and counts. task says whose example one is.
func watched(t *testing.T, m *models.Model, c train.Config, d *data.Dataset, each func(*data.Batch)) []trained {
	t.Helper()
	task := make([]int, d.Len())
	place := make([]int, d.Len())
	for i := range corpusSizes {
		for n, e := range d.With(i) {
			task[e], place[e] = i, n
		}
	}
	fresh := func() trained {
		now := trained{make([]int, 3), make([]int, 3), make([][]int, 3), nil}
		for i, n := range corpusSizes {
			now.times[i] = make([]int, int(n))
		}
		return now
	}
	var epochs []trained
	now := fresh()
	_, err := trainerOf(t, m, c).Fit(context.Background(), d, d, train.Hooks{
		Before: func(b *data.Batch) error {
			if each != nil {
				each(b)
			}
			there := map[int]bool{}
			for _, e := range b.Examples {
				there[task[e]] = true
				now.examples[task[e]]++
				now.times[task[e]][place[e]]++
			}
			for i, n := range b.Counts {
				if (n > 0) != there[i] {
					t.Errorf("a batch with examples of %v has %v labels", there, b.Counts)
				}
				if n > 0 && len(there) == 1 {
					now.steps[i]++
				}
			}
			return nil
		},
		Epoch: func(e train.Epoch) error {
			for _, s := range e.Valid {
				now.scores = append(now.scores, s.Value())
			}
			epochs, now = append(epochs, now), fresh()
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return epochs
}

// chiSquare adds up (seen - expected)^2 / expected and the degrees of freedom.
func chiSquare(seen []int, shares []float64) (square, freedom float64) {
	total, sum := 0.0, 0.0
	for i, n := range seen {
		total, sum = total+float64(n), sum+shares[i]
	}
	for i, n := range seen {
		if want := total * shares[i] / sum; want > 0 {
			square, freedom = square+(float64(n)-want)*(float64(n)-want)/want, freedom+1
		}
	}
	return square, freedom - 1
}

// TestWhatSamplersTrain: through the trainer, each method trains the tasks in
// the proportions of its formula: a chi-square test over the steps or, of mixed
// batches, over the examples, and none of a task's examples comes twice more
// often than another.
func TestWhatSamplersTrain(t *testing.T) {
	powers := func(alpha float64) func(int, []float64) []float64 {
		return func(int, []float64) []float64 {
			var w []float64
			for _, n := range corpusSizes {
				w = append(w, math.Pow(n, alpha))
			}
			return w
		}
	}
	for _, test := range []struct {
		c    sample.Config
		want func(epoch int, scores []float64) []float64
	}{
		{sample.Config{Method: "proportional"}, powers(1)},
		{sample.Config{Method: "uniform"}, powers(0)},
		{sample.Config{Method: "temperature", Temperature: 3}, powers(1.0 / 3)},
		{sample.Config{Method: "sqrt"}, powers(0.5)},
		{sample.Config{Method: "annealed"}, func(epoch int, _ []float64) []float64 { return powers(1-0.8*float64(epoch)/2)(0, nil) }},
		{sample.Config{Method: "round_robin"}, powers(0)},
		{sample.Config{Method: "weights", Weights: map[string]float64{"price": 3, "tags": 0}}, func(int, []float64) []float64 { return []float64{1, 3, 0} }},
		{sample.Config{Method: "cap", Cap: 100}, func(int, []float64) []float64 { return []float64{100, 90, 12} }},
		{sample.Config{Method: "progress"}, func(epoch int, scores []float64) []float64 {
			if epoch == 0 {
				return []float64{1, 1, 1}
			}
			var w []float64
			for _, s := range scores {
				w = append(w, min(max(1-s, 0.1), 1))
			}
			return w
		}},
	} {
		for _, batches := range []string{"single", "mixed"} {
			if test.c.Method == "round_robin" && batches == "mixed" {
				continue
			}
			t.Run(test.c.Method+" "+batches, func(t *testing.T) {
				m, c, d := corpora(t)
				c.Sampling = test.c
				c.Sampling.Batches = batches
				square, freedom := 0.0, 0.0
				var scores []float64
				epochs := watched(t, m, c, d, func(b *data.Batch) {
					if len(b.Examples) != 4 {
						t.Fatalf("a batch of %d examples", len(b.Examples))
					}
				})
				for epoch, e := range epochs {
					seen := e.steps
					if batches == "mixed" {
						seen = e.examples
					}
					x, f := chiSquare(seen, test.want(epoch, scores))
					square, freedom, scores = square+x, freedom+f, e.scores
					if test.c.Method == "round_robin" && x > 0.02 { // 59, 59 and 58 steps
						t.Errorf("the tasks have %v steps", seen)
					}
					for task, times := range e.times {
						least, most := math.MaxInt, 0
						for _, n := range times {
							least, most = min(least, n), max(most, n)
						}
						if most-least > 1 {
							t.Errorf("examples of task %d come from %d to %d times", task, least, most)
						}
					}
					if n := e.examples[0] + e.examples[1] + e.examples[2]; n != 4*176 {
						t.Errorf("an epoch has %d examples, there are 702", n)
					}
				}
				// By chance one in a thousand is as far from the formula.
				if limit := (distuv.ChiSquared{K: freedom}).Quantile(0.999); square > limit {
					t.Errorf("chi-square is %.1f, it should be below %.1f: %+v", square, limit, epochs)
				}
			})
		}
	}
}

// TestSamplingWithMaxTokens: no step has more tokens than it may, padding
// included, and the examples that come are those without the limit.
func TestSamplingWithMaxTokens(t *testing.T) {
	for _, batches := range []string{"single", "mixed"} {
		m, c, d := corpora(t, "train.batch=8", "train.epochs=2")
		c.Sampling = sample.Config{Method: "sqrt", Batches: batches}
		free := watched(t, m, c, d, nil)
		c.MaxTokens = 50
		steps := 0
		limited := watched(t, m, c, d, func(b *data.Batch) {
			if steps++; len(b.Examples)*b.Size(task.Sequence) > 50 {
				t.Errorf("a step has %d times %d tokens", len(b.Examples), b.Size(task.Sequence))
			}
		})
		for epoch := range free {
			if fmt.Sprint(free[epoch].times) != fmt.Sprint(limited[epoch].times) {
				t.Errorf("%s: other examples come with a limit of tokens", batches)
			}
		}
		counted, _, err := c.Updates(d, m.Schema().TaskNames())
		if err != nil || steps <= 2*counted-10 || steps >= 2*counted+10 || counted <= 88 {
			t.Errorf("%s: two epochs have %d steps, the first is said to have %d (%v)", batches, steps, counted, err)
		}
	}
}

// TestTasksThatShareNoExamplesDoNotConflictAtTheRepresentation: each example has
// a place of its own there, so that gradients stand at right angles and pcgrad
// is the plain sum; by the parameters they do not.
func TestTasksThatShareNoExamplesDoNotConflictAtTheRepresentation(t *testing.T) {
	losses := map[string]map[string]float64{}
	for _, at := range []string{"plain", "representation", "parameters"} {
		m, c, d := corpora(t, "train.epochs=1", "train.batch=64")
		if at != "plain" {
			c.Balance = train.BalanceConfig{Method: "pcgrad", At: at}
		}
		res, err := trainerOf(t, m, c).Fit(context.Background(), d, d, train.Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		losses[at] = res.Epochs[0].Losses
		if b := res.Epochs[0].Balance; at == "representation" && *b.Conflicts != 0 || at == "parameters" && *b.Conflicts == 0 {
			t.Errorf("at the %s the share of conflicts is %v", at, *b.Conflicts)
		}
	}
	for task, want := range losses["plain"] {
		if got := losses["representation"][task]; math.Abs(got-want) > 1e-6 {
			t.Errorf("the loss of %s is %v, of the plain sum %v", task, got, want)
		}
	}
}

// TestWhatMeetsAtTheRepresentationWithoutCommonExamples: gradients there add up
// over the batch to what graddrop and excess-mtl compare, so that they are not
// the plain sum.
func TestWhatMeetsAtTheRepresentationWithoutCommonExamples(t *testing.T) {
	losses := map[string]map[string]float64{}
	for _, method := range []string{"equal", "graddrop", "excess-mtl"} {
		m, c, d := corpora(t, "train.epochs=1", "train.batch=64")
		c.Balance = train.BalanceConfig{Method: method}
		if method != "equal" {
			c.Balance.At = "representation"
		}
		res, err := trainerOf(t, m, c).Fit(context.Background(), d, d, train.Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		losses[method] = res.Epochs[0].Losses
	}
	for _, method := range []string{"graddrop", "excess-mtl"} {
		for task, plain := range losses["equal"] {
			if got := losses[method][task]; math.Abs(got-plain) < 1e-6 || math.Abs(got-plain) > 0.5*plain {
				t.Errorf("the loss of %s is %v with %s, %v with the plain sum", task, got, method, plain)
			}
		}
	}
}

// TestABalanceThatDoesNothingIsToldOf: in one line before training.
func TestABalanceThatDoesNothingIsToldOf(t *testing.T) {
	at := func(method, at string) train.BalanceConfig { return train.BalanceConfig{Method: method, At: at} }
	apart := "no example has labels of two tasks, so that gradients at the representation are at right angles and %s; set train.balance.at: parameters"
	for _, test := range []struct {
		balance  train.BalanceConfig
		sampling sample.Config
		want     string
	}{
		{at("pcgrad", "representation"), sample.Config{}, fmt.Sprintf(apart, "pcgrad is the plain sum of the gradients")},
		{at("mgda", "representation"), sample.Config{Method: "sqrt", Batches: "mixed"}, fmt.Sprintf(apart, "mgda is a weighing by the gradients' lengths")},
		{at("cagrad", ""), sample.Config{Method: "uniform"}, "each step has examples of one task, so that cagrad has one gradient to look at and nothing to balance; set train.sampling.batches: mixed"},
		{at("gradnorm", "representation"), sample.Config{Method: "round_robin"}, "each step has examples of one task, so that gradnorm has one gradient to look at and nothing to balance; sample by another method, with batches: mixed"},
		{at("pcgrad", ""), sample.Config{}, ""},
		{at("graddrop", "representation"), sample.Config{}, ""},
		{at("uncertainty", ""), sample.Config{Method: "uniform"}, ""},
	} {
		m, c, d := corpora(t)
		c.Balance, c.Sampling = test.balance, test.sampling
		if got := strings.Join(train.WarningsOfBalance(trainerOf(t, m, c), d), "\n"); got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test.balance, got, test.want)
		}
	}
	m, c, d := demoData(t) // whose examples have labels of several
	c.Balance = at("pcgrad", "representation")
	if got := train.WarningsOfBalance(trainerOf(t, m, c), d); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}
