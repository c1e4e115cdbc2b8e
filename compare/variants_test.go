package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/runtime/gonum"
	"espalier/train/score"
)

// TestVariantsOfTheDemo: several joint models beside one set of single ones. Each
// is compared as a comparison of its own would, but for the correction for all
// tests of the table, the others with the first one
// from their differences to the same single models; and what is there is kept.
func TestVariantsOfTheDemo(t *testing.T) {
	r, _ := small(t, "train.epochs=1")
	dir := t.TempDir()
	o := Options{Engine: gonum.New(), Seeds: 2, Resamples: 100}
	plain, err := Run(context.Background(), r, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]int{}
	o.Done = func(p Finished) {
		if p.Kept {
			kept[p.Model]++
		}
	}
	variants := append(BalanceVariants("equal, pcgrad@representation"), Variant{"mmoe", []string{"sharing.experts=2", "sharing.method=mmoe"}},
		Variant{"sampled", []string{"train.sampling={method: uniform, batches: mixed}"}})
	v, err := RunVariants(context.Background(), r, variants, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	// The first is the recipe as it is, which was trained before.
	if want := map[string]int{"variant equal": 2, "task topic alone": 2, "task sentiment alone": 2, "task entities alone": 2}; !cmp.Equal(want, kept) {
		t.Errorf("kept are %v, want %v", kept, want)
	}
	got := *v.Variants[0].Comparison
	if diff := cmp.Diff(*plain, got, noSeconds, cmpopts.IgnoreFields(Difference{}, "Corrected", "Verdict")); diff != "" {
		t.Errorf("the first variant is compared in another way: %s", diff)
	}
	for _, of := range v.Variants[1:] {
		d := of.OverFirst
		if d == nil || d.Seeds == nil || d.Examples == nil || d.Interval == nil || len(d.Values) != 2 {
			t.Fatalf("%s is not compared with the first: %+v", of.Name, d)
		}
		for s, x := range d.Values {
			if want := of.Comparison.Mean.Values[s] - v.Variants[0].Comparison.Mean.Values[s]; math.Abs(x-want) > 1e-12 {
				t.Errorf("%s gains %v over the first with seed %d, %v follows from the single models", of.Name, x, s, want)
			}
			if want := v.Single.Values[s] + of.Comparison.Mean.Values[s]; math.Abs(of.Joint.Values[s]-want) > 1e-12 {
				t.Errorf("the mean of %s is %v, want %v", of.Name, of.Joint.Values[s], want)
			}
		}
		if of.Comparison.DeltaM == nil || of.Comparison.Resources.TrainSeconds.Ratio == 0 {
			t.Errorf("%s lacks something: %+v", of.Name, of.Comparison)
		}
	}
	if mmoe := v.Variants[2].Comparison.Resources.Parameters.Joint; mmoe <= plain.Resources.Parameters.Joint {
		t.Errorf("mmoe has %v parameters", mmoe)
	}
	if diff := cmp.Diff([]Variants{*v}, written(t, dir)); diff != "" {
		t.Errorf("the file differs: %s", diff)
	}
	again, err := RunVariants(context.Background(), r, variants, dir, o)
	if err != nil || !cmp.Equal(v, again) {
		t.Errorf("what was finished gives another result (%v)", err)
	}
	two, err := RunVariants(context.Background(), r, variants[1:3], dir, o)
	if err != nil {
		t.Fatal(err)
	}
	files := written(t, dir)
	for _, want := range []*Variants{v, two} {
		if !slices.ContainsFunc(files, func(got Variants) bool { return cmp.Equal(*want, got) }) || len(files) != 2 {
			t.Errorf("one set of variants takes the place of another: %d files, without %d variants", len(files), len(want.Variants))
		}
	}
	testAMissingVariant(t, dir, variants, o)
	testTheLastVariantMissing(t, dir, append(variants[:2:2], variants[3], variants[2]), v.Single, o)
}

// written are the results of comparisons of variants that stand in a folder.
func written(t *testing.T, dir string) []Variants {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "variants-demo-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := make([]Variants, len(files))
	for i, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(content, &all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// testTheLastVariantMissing: what the single models have does not hang on whether
// the joint models of a variant are there, with one seed or with none.
func testTheLastVariantMissing(t *testing.T, dir string, variants []Variant, single Sample, o Options) {
	r, _ := small(t, "train.epochs=1")
	for failed := 1; failed <= 2; failed++ { // seed 2 is broken already
		v, err := RunVariants(context.Background(), r, variants, dir, o)
		if err == nil || v == nil || len(v.Failed) != failed || (v.Variants[3].Comparison.Mean == nil) != (failed == 2) {
			t.Fatalf("%d broken folders give %+v, %v", failed, v, err)
		}
		if diff := cmp.Diff(single, v.Single); diff != "" {
			t.Errorf("with %d of 2 of the last variant's models missing the single models differ: %s", failed, diff)
		}
		at := filepath.Join(dir, "seed-1", "joint-demo-mmoe", "recipe.yaml")
		if err := os.WriteFile(at, []byte("name: other"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// testAMissingVariant: one that failed is told of once, and the others stay.
func testAMissingVariant(t *testing.T, dir string, variants []Variant, o Options) {
	at := filepath.Join(dir, "seed-2", "joint-demo-mmoe", "recipe.yaml")
	if err := os.WriteFile(at, []byte("name: other"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ := small(t, "train.epochs=1")
	v, err := RunVariants(context.Background(), r, variants, dir, o)
	if err == nil || v == nil || len(v.Failed) != 1 || v.Failed[0].Model != "variant mmoe" || v.Variants[1].OverFirst == nil {
		t.Fatalf("one broken folder gives %+v, %v", v, err)
	}
	var text bytes.Buffer
	if err := Text(&text, v); err != nil || strings.Count(text.String(), "Failed: ") != 1 {
		t.Errorf("the table is %s (%v)", text.String(), err)
	}
}

// TestVariantsOfRecipesWithOneFolder: recipe a's variant b-c and recipe a-b's variant
// c have one folder. The second is told so, and takes nothing of the first.
func TestVariantsOfRecipesWithOneFolder(t *testing.T) {
	dir := t.TempDir()
	run := func(name, variant string) (*Variants, error) {
		r, _ := small(t, "train.epochs=1", "trunk.embedding=2", "trunk.type=bag", "name="+name)
		return RunVariants(context.Background(), r, []Variant{{Name: "plain"}, {variant, []string{"sharing={method: mmoe, experts: 2}"}}}, dir, Options{Engine: gonum.New(), Seeds: 1, Resamples: 50})
	}
	if _, err := run("a", "b-c"); err != nil {
		t.Fatal(err)
	}
	v, err := run("a-b", "c")
	at := filepath.Join(dir, "seed-1", "joint-a-b-c")
	want := "seed 1, variant c: " + at + " holds a run of another recipe; remove it, or compare in another directory"
	if fmt.Sprint(err) != want || v == nil || v.Variants[1].Comparison.Mean != nil || v.Variants[0].Comparison.Mean == nil {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

func TestVariantsInWords(t *testing.T) {
	for _, c := range []struct {
		text string
		want Variant
		err  string
	}{
		{"plain", Variant{Name: "plain"}, ""},
		{"a=train.balance.method=dwa", Variant{"a", []string{"train.balance.method=dwa"}}, ""},
		{"b=sharing={method: mmoe, experts: 3},tasks.x.weight=2", Variant{"b", []string{"sharing={method: mmoe, experts: 3}", "tasks.x.weight=2"}}, ""},
		{"c=x", Variant{}, `variant "c=x" is not of the form NAME=KEY=VALUE,KEY=VALUE`},
		{"d=,train.epochs=2", Variant{}, `variant "d=,train.epochs=2" is not of the form NAME=KEY=VALUE,KEY=VALUE`},
	} {
		got, err := ParseVariant(c.text)
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%s: got %v, want %s", c.text, err, c.err)
			}
		} else if err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("%s: %+v, %v", c.text, got, err)
		}
	}
}

func TestVariantsThatCannotBe(t *testing.T) {
	r, _ := small(t)
	for _, c := range []struct {
		variants []Variant
		want     string
	}{
		{[]Variant{{Name: "a"}}, "compare: there must be at least 2 variants, the first of which the others are compared with"},
		{[]Variant{{Name: "a"}, {Name: "b"}}, `compare: variants "a" and "b" are the same`},
		{
			[]Variant{{"a", []string{"sharing.method=mmoe"}}, {"a", []string{"sharing.method=cgc"}}},
			`compare: there are two variants "a"`,
		},
		{[]Variant{{Name: "a"}, {Name: "b/c"}}, `compare: variant "b/c": a name is made of letters, digits and _ . @ -`},
		{
			[]Variant{{Name: "a"}, {"b", []string{"train.epochs=7"}}},
			`compare: variant "b": it changes what the model of task "topic" alone has: epochs: 7; set it for all with --set, or compare in another directory`,
		},
		{
			[]Variant{{Name: "a"}, {"b", []string{"tasks.more={type: classification}"}}},
			`compare: variant "b": it has 4 tasks, the recipe has 3`,
		},
		{BalanceVariants("equal,dwa@representation"), `compare: variant "dwa@representation": --set train.balance: train.balance.at cannot be: dwa needs no gradients, there is nothing to take at the representation`},
	} {
		_, err := RunVariants(context.Background(), r, c.variants, t.TempDir(), Options{Engine: gonum.New()})
		if fmt.Sprint(err) != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestTablesOfVariants(t *testing.T) {
	gain := func(mean float64, verdict string) *Difference {
		return &Difference{Mean: mean, Seeds: &Interval{mean - 0.01, mean + 0.01}, Bootstrap: &Interval{mean - 0.02, mean + 0.02}, Verdict: verdict}
	}
	cost := func(seconds float64) *Resources {
		return &Resources{Parameters: Cost{400, 100, 0.25}, TrainSteps: Cost{50, 40, 0.8}, TrainSeconds: Cost{10, seconds, seconds / 10}}
	}
	v := &Variants{
		Recipe: "small", Budget: Epochs, Seeds: []int{1, 2}, Confidence: 0.95, Resamples: 100, Single: Sample{0.8, 0.01, []float64{0.79, 0.81}},
		Variants: []Varied{
			{Name: "equal", Joint: Sample{0.85, 0, []float64{0.85, 0.85}}, Comparison: &Result{
				Mean: gain(0.05, Helped), DeltaM: gain(0.06, Helped), Resources: cost(5),
				Tasks:      []Task{{Difference: Difference{Verdict: Helped}}, {Difference: Difference{Verdict: Hurt}}},
				Unfinished: Unfinished{Single: 1, SingleOf: 4, JointOf: 2},
			}},
			{Name: "dwa", Settings: []string{"train.balance={method: dwa}"}, Joint: Sample{0.81, 0, []float64{0.81, 0.81}}, Comparison: &Result{
				Mean: gain(0.01, Unshown), Resources: cost(6),
			}, OverFirst: gain(-0.04, Hurt)},
			{Name: "broken", Comparison: &Result{}},
		},
	}
	const want = `variant        mean of tasks    to single models  over seeds          bootstrap           verdict              delta-m, %  over seeds      tasks helped  tasks hurt
single models  0.8000 ± 0.0100
equal          0.8500 ± 0.0000  +0.0500           [+0.0400, +0.0600]  [+0.0300, +0.0700]  helped               +6.00       [+5.00, +7.00]  1             1
dwa            0.8100 ± 0.0000  +0.0100           [+0.0000, +0.0200]  [-0.0100, +0.0300]  no difference shown  -           -               0             0
broken         failed

variant  to equal  over seeds          bootstrap           verdict
dwa      -0.0400   [-0.0500, -0.0300]  [-0.0600, -0.0200]  worse

variant  parameters  training steps  training seconds  seconds / single models  seconds / equal
equal    100         40              5.0               0.50                     1.00
dwa      100         40              6.0               0.60                     1.20

small: test data, 2 seeds, the same number of epochs. Mean of tasks: their metrics' mean ± standard deviation over seeds.
Differences are means over tasks, with intervals at 95 %: Student's over seeds; bootstrap of 100 draws of seeds and test examples.
A verdict other than "no difference shown" needs every interval to exclude 0. Tasks are helped or hurt by joint training, each by its own intervals.
2 variants are compared with the first: of as many that are no better, one in twenty may look it by luck.
dwa: train.balance={method: dwa}
Best in the last epoch, and perhaps not done learning: 1 of 4 single models.
`
	var text bytes.Buffer
	if err := Text(&text, v); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(text.String()) {
		lines = append(lines, strings.TrimRight(line, " \n")+"\n")
	}
	if diff := cmp.Diff(want, strings.Join(lines, "")); diff != "" {
		t.Error(diff)
	}
}

// TestMeansOverTasksAreOfOneSeed: where a model of a task is missing, or its
// metric is not defined, the means over tasks are those of the other seeds.
func TestMeansOverTasksAreOfOneSeed(t *testing.T) {
	truth := []int64{0, 0, 1, 1}
	by := [][]int64{{0, 0, 1, 1}, {0, 0, 0, 1}, {1, 1, 1, 1}} // 1, 0.75, 0.5 are right
	joint, single := make([]*score.Answers, 3), [][]*score.TaskAnswers{make([]*score.TaskAnswers, 3), make([]*score.TaskAnswers, 3)}
	for s := range joint {
		joint[s] = &score.Answers{Examples: 4, Tasks: []score.TaskAnswers{
			classified("a", "accuracy", upTo(4), by[s], truth), classified("b", "accuracy", upTo(4), by[(s+1)%3], truth),
		}}
		single[0][s], single[1][s] = &joint[s].Tasks[0], &joint[s].Tasks[1]
	}
	single[0][0] = nil // the first task's model failed with the first seed
	result, err := Judge(joint, single, nil, Options{Resamples: 20})
	if err != nil {
		t.Fatal(err)
	}
	got := result.means(func(t *Task) Sample { return t.Joint })
	if diff := cmp.Diff([]float64{(0.75 + 0.5) / 2, (0.5 + 1) / 2}, got.Values, close9); diff != "" {
		t.Errorf("the means over tasks: %s", diff)
	}
	if a, b := result.Tasks[0], result.Tasks[1]; !cmp.Equal(a.Places, []int{1, 2}) || b.Places != nil || len(b.Joint.Values) != 3 {
		t.Errorf("the values are said to be of seeds %v and %v", a.Places, b.Places)
	}
}
