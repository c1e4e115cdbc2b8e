package compare

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"espalier"
	"espalier/data"
	"espalier/recipe"
	"espalier/runtime/gonum"
	"espalier/train"
)

// strangers is a recipe of two tasks that have no word in common, so that one
// cannot help the other: a with many examples, b with few.
func strangers(t *testing.T, many, few int) *recipe.Recipe {
	t.Helper()
	files := fstest.MapFS{}
	for split, sizes := range map[string][2]int{"train": {many, few}, "valid": {40, 40}, "test": {200, 200}} {
		var content bytes.Buffer
		own := rand.New(rand.NewPCG(uint64(len(split)), uint64(split[0])))
		for task, n := range sizes {
			for range n {
				var words []string
				good := 0
				for range 6 {
					w := own.IntN(30)
					words = append(words, fmt.Sprintf("%c%d", 'a'+task, w))
					good += 2*(w%2) - 1
				}
				fmt.Fprintf(&content, "{\"text\": %q, %q: \"%v\"}\n", strings.Join(words, " "), string(rune('a'+task)), float64(good)+0.5*own.NormFloat64() > 0)
			}
		}
		files[split+".jsonl"] = &fstest.MapFile{Data: content.Bytes()}
	}
	source := func(split string) string {
		return fmt.Sprintf("  %s: {format: jsonl, file: %s.jsonl, fields: {text: text, a: a, b: b}}\n", split, split)
	}
	parsed, err := recipe.Parse("strangers.yaml", []byte("name: strangers\ndata:\n"+source("train")+source("valid")+source("test")+
		"inputs:\n  text: {type: text, tokenizer: whitespace}\ntrunk: {type: bag, embedding: 16}\n"+
		"tasks:\n  a: {type: classification}\n  b: {type: classification}\n"+
		"train: {epochs: 6, batch: 32, optimizer: {type: adam, lr: 0.01}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	parsed.FS = files
	return parsed
}

// TestNothingHelpsAStranger: tasks that share no word cannot help each other.
// Where the small one is updated more often in the joint model, which alone makes
// it better, there is no verdict; by default it is updated as often alone.
func TestNothingHelpsAStranger(t *testing.T) {
	r := strangers(t, 900, 45)
	dir := t.TempDir()
	for budget, want := range map[string][3]string{
		Updates: {Unshown, Unshown, Unshown}, Epochs: {FewerUpdates, FewerUpdates, FewerUpdates},
	} {
		result, err := compared(t, r, dir, Options{Budget: budget, Seeds: 3})
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]string{result.Tasks[0].Difference.Verdict, result.Tasks[1].Difference.Verdict, result.Mean.Verdict}; got != want {
			t.Errorf("with the budget of %s the verdicts are %q, want %q", budget, got, want)
		}
		var text bytes.Buffer
		if err := Text(&text, result); err != nil {
			t.Fatal(err)
		}
		const fewer = "No verdict where the single model has fewer updates of its task than the joint one, which may be all that helps: compare with --budget updates."
		if said := strings.Contains(text.String(), fewer); said != (budget == Epochs) {
			t.Errorf("with the budget of %s the table says %s", budget, text.String())
		}
		small := result.Tasks[1]
		if budget == Epochs && small.Difference.Mean < 0.04 {
			t.Errorf("the joint model gains nothing by its updates: %+v: the test shows nothing", small)
		}
		if !strings.Contains(text.String(), fmt.Sprintf(" %d / %d ", small.Updates.Single, small.Updates.Joint)) {
			t.Errorf("the table lacks the updates %+v:\n%s", *small.Updates, text.String())
		}
	}
}

// TestBudgets counts the steps of training that have a label of each task: by
// updates and by steps the single-task model has at least as many as the joint
// one, and by updates hardly more, of as many examples; and it is validated as
// often. Sampling may give the small task whole batches.
func TestBudgets(t *testing.T) {
	plain := strangers(t, 300, 20)
	sampled, err := plain.With("train.sampling.method=uniform")
	if err != nil {
		t.Fatal(err)
	}
	limited, err := plain.With("train.max_tokens=30", "train.epochs=1") // five texts
	if err != nil {
		t.Fatal(err)
	}
	testBudgets(t, plain, 1.2)
	testBudgets(t, limited, 1.2)
	testBudgets(t, sampled, 3) // draws of 5 epochs of 10 steps
}

// testBudgets takes how many times as many updates may be said or had.
func testBudgets(t *testing.T, r *recipe.Recipe, most float64) {
	count := func(of *recipe.Recipe) (updates, examples map[string]int, epochs int) {
		updates, examples = map[string]int{}, map[string]int{}
		var names []string
		for _, task := range of.Tasks {
			names = append(names, task.Name)
		}
		hooks := train.Hooks{
			Before: func(b *data.Batch) error {
				for i, n := range b.Counts {
					if n > 0 {
						updates[names[i]]++
						examples[names[i]] += n
					}
				}
				return nil
			},
			Epoch: func(train.Epoch) error { epochs++; return nil },
		}
		if _, _, err := espalier.Train(context.Background(), of, t.TempDir(), espalier.Options{Engine: gonum.New(), Hooks: hooks}); err != nil {
			t.Fatal(err)
		}
		return updates, examples, epochs
	}
	for _, budget := range Budgets() {
		trials, err := plan(r, "d", Options{Seeds: 1, Budget: budget}, nil)
		if err != nil {
			t.Fatal(err)
		}
		joint, jointExamples, epochs := count(trials[0].recipe)
		for i, single := range trials[1:] {
			name := r.Tasks[i].Name
			own, examples, validated := count(single.recipe)
			said := trials[0].updates[i]
			if own[name] != said.Single || joint[name] > said.Joint || most*float64(joint[name]) < float64(said.Joint) {
				t.Errorf("%s, task %s: %d updates alone and %d together, said are %+v", budget, name, own[name], joint[name], said)
			}
			enough, close := own[name] >= joint[name], float64(own[name]) <= most*float64(joint[name])
			if want := budget != Epochs; enough != (want || name == "a" && own[name] >= joint[name]) || budget == Updates && !close {
				t.Errorf("%s: task %s has %d updates alone and %d together", budget, name, own[name], joint[name])
			}
			perUpdate, together := float64(examples[name])/float64(own[name]), float64(jointExamples[name])/float64(joint[name])
			if budget == Updates && (perUpdate < together-2.5 || perUpdate > together+1.5) {
				t.Errorf("%s: an update of task %s has %.1f examples alone and %.1f together", budget, name, perUpdate, together)
			}
			if most < 2 && math.Abs(float64(said.SingleExamples)/float64(examples[name])-1) > 0.25 {
				t.Errorf("%s: task %s sees %d examples alone, said are %+v", budget, name, examples[name], said)
			}
			if validated != epochs {
				t.Errorf("%s: task %s is validated %d times alone and %d times together", budget, name, validated, epochs)
			}
		}
	}
}

// TestAllLabelsOnAllExamples: then every budget is the same, and single models
// that were trained by the one serve the others.
func TestAllLabelsOnAllExamples(t *testing.T) {
	r, _ := small(t)
	both, err := r.With("data.train={format: jsonl, file: both.jsonl, fields: {text: text, topic: topic, sentiment: mood}}", "data.valid={format: jsonl, file: both.jsonl, fields: {text: text, topic: topic, sentiment: mood}}")
	if err != nil {
		t.Fatal(err)
	}
	both, err = both.Derive(func(r *recipe.Recipe) { r.Tasks = r.Tasks[:2] })
	if err != nil {
		t.Fatal(err)
	}
	both.FS = fstest.MapFS{"both.jsonl": {Data: []byte(strings.Repeat("{\"text\": \"a b\", \"topic\": \"x\", \"mood\": \"y\"}\n{\"text\": \"c d\", \"topic\": \"z\", \"mood\": \"w\"}\n", 40))}}
	var folders [][]string
	for _, budget := range Budgets() {
		trials, err := plan(both, "d", Options{Seeds: 1, Budget: budget}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var of []string
		for _, t := range trials {
			of = append(of, t.dir)
		}
		folders = append(folders, of)
		for _, u := range trials[0].updates {
			if u.short() || u.Single != u.Joint || u.Joint != 6 {
				t.Errorf("%s: updates are %+v, want 2 epochs of 3 steps", budget, u)
			}
		}
	}
	if !cmp.Equal(folders[0], folders[1]) || !cmp.Equal(folders[0], folders[2]) || !strings.HasSuffix(folders[0][1], "single-topic") {
		t.Errorf("models are in %v", folders)
	}
}

// TestATaskWithoutTestLabels: it is trained, and nothing is said of it; the rest
// of the comparison is there, and does not fail.
func TestATaskWithoutTestLabels(t *testing.T) {
	r := strangers(t, 60, 60)
	files := r.FS.(fstest.MapFS)
	var kept []byte
	for line := range bytes.Lines(files["test.jsonl"].Data) {
		if !bytes.Contains(line, []byte(`"b":`)) {
			kept = append(kept, line...)
		}
	}
	files["test.jsonl"] = &fstest.MapFile{Data: kept}
	o, dir := Options{Engine: gonum.New(), Seeds: 2, Resamples: 50, Baselines: true}, t.TempDir()
	result, err := Run(context.Background(), r, dir, o)
	if err != nil || len(result.Failed) > 0 || len(result.Tasks) != 2 {
		t.Fatalf("%+v, %v", result, err)
	}
	a, b := result.Tasks[0], result.Tasks[1]
	if b.Undefined != "there is no label" || !b.HigherIsBetter || b.Difference.Verdict != "" || b.Examples != 0 {
		t.Errorf("of the task without test labels is said %+v", b)
	}
	if a.Examples != 200 || a.Difference.P == nil || result.Mean == nil || math.Abs(result.Mean.Mean-a.Difference.Mean) > 1e-12 {
		t.Errorf("of the other task is said %+v, of the mean %+v", a, result.Mean)
	}
	if len(result.Baselines) != 1 || result.Resources == nil || result.Resources.Parameters.Ratio >= 1 {
		t.Errorf("baselines are %+v, costs %+v", result.Baselines, result.Resources)
	}
	o.Baselines = false
	v, err := RunVariants(context.Background(), r, BalanceVariants("equal,pcgrad"), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range v.Variants {
		if !cmp.Equal(of.Joint, of.Comparison.Tasks[0].Joint) || !cmp.Equal(v.Single, a.Single) {
			t.Errorf("the means over tasks are %+v alone and %+v of %s, those of the other task are %+v", v.Single, of.Joint, of.Name, of.Comparison.Tasks[0])
		}
	}
}
