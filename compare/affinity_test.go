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

	"espalier/recipe"
	"espalier/runtime/gonum"
)

// related has tasks a and b, which are one task under two names, and c, whose
// labels are those of a turned round for the same words.
func related(t *testing.T) *recipe.Recipe {
	t.Helper()
	r := rand.New(rand.NewPCG(2, 2))
	rows := "text\ta\tb\tc\n"
	for range 200 {
		label := r.IntN(2)
		words := []string{}
		for range 4 {
			words = append(words, fmt.Sprintf("%c%d", 'p'+label, r.IntN(10)))
		}
		rows += fmt.Sprintf("%s\t%d\t%d\t%d\n", strings.Join(words, " "), label, label, r.IntN(2))
	}
	rec, err := recipe.Parse("related.yaml", []byte(`
data: {train: {format: tsv, file: d.tsv}, test: {format: tsv, file: none.tsv}}
inputs: {text: {type: text}}
trunk: {type: bag, embedding: 8}
tasks: {a: {type: classification}, b: {type: classification}, c: {type: classification}}
train: {epochs: 5, optimizer: {lr: 0.02}}
`))
	if err != nil {
		t.Fatal(err)
	}
	rec.FS = fstest.MapFS{"d.tsv": {Data: []byte(rows)}}
	return rec
}

// TestAffinityFindsTheSameTask: tasks with the same labels help one another
// about as much as themselves, and a task of random labels does nothing for
// them. The test data, which is not there, is not read.
func TestAffinityFindsTheSameTask(t *testing.T) {
	steps := 0
	a, err := MeasureAffinity(context.Background(), related(t), AffinityOptions{
		Engine: gonum.New(), Steps: 25, Every: 2, Step: func(step, of int) { steps = step },
	})
	if err != nil {
		t.Fatal(err)
	}
	m := a.Matrix
	if !(m[0][1] > 0.3*m[1][1] && m[1][0] > 0.3*m[0][0] && m[0][0] > 0.001 && math.Abs(m[2][0]) < 0.1*m[0][0]) {
		t.Errorf("the affinities are %v", m)
	}
	if e := a.Errors; !(e[0][1] > 0 && m[0][1] > 3*e[0][1]) {
		t.Errorf("the standard errors are %v", e)
	}
	if a.Steps != 25 || steps != 25 || a.Looks[0][1] != 13 || a.Rate <= 0 {
		t.Errorf("%d steps with %d looks at rate %v", a.Steps, a.Looks[0][1], a.Rate)
	}
	if diff := cmp.Diff([]string{"a", "b"}, a.Groups[0][:2]); diff != "" {
		t.Errorf("groups %v", a.Groups)
	}
	var text bytes.Buffer
	if err := Text(&text, a); err != nil || !strings.Contains(text.String(), "\na ") || !strings.Contains(text.String(), "Suggested groups: {a, b") {
		t.Errorf("the table is %s (%v)", text.String(), err)
	}
}

// TestWhatNoLookHasSeen: a task that no batch had is in no group and is named,
// and one look tells nothing apart from 0.
func TestWhatNoLookHasSeen(t *testing.T) {
	a := &Affinity{
		Recipe: "r", Tasks: []string{"a", "b", "c"}, Steps: 9, Rate: 0.5,
		Matrix: [][]float64{{0.1, 0, 0.02}, {0, 0, 0}, {0.04, 0, 0.3}},
		Errors: [][]float64{{0, 0, 0.01}, {0, 0, 0}, {0, 0, 0.1}},
		Looks:  [][]int{{5, 0, 10}, {0, 0, 0}, {1, 0, 5}},
	}
	a.suggest(0)
	if diff := cmp.Diff([][]string{{"a", "c"}}, a.Groups); diff != "" || !cmp.Equal(a.Unseen, []string{"b"}) || math.Abs(a.Score-0.06) > 1e-12 {
		t.Errorf("groups %v, unseen %v, score %v", a.Groups, a.Unseen, a.Score)
	}
	// 0.02 is two standard errors; Student's quantile of ten looks is 2.26.
	if a.clear(0, 2) || a.clear(2, 0) || a.clear(0, 1) {
		t.Error("what may be chance is told apart from 0")
	}
	if a.Errors[0][2] = 0.0088; !a.clear(0, 2) {
		t.Error("2.27 standard errors are not told apart from 0")
	}
	for _, want := range []string{"Of 2 pairs 1 are apart from 0", "Suggested groups: {a, c}", "\nIn no batch that was looked at: b. "} {
		if !strings.Contains(a.footnote(), want) {
			t.Errorf("the footnote lacks %q: %s", want, a.footnote())
		}
	}
}

func TestAffinitiesThatCannotBe(t *testing.T) {
	r := related(t)
	single, err := r.Single("a")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		recipe *recipe.Recipe
		o      AffinityOptions
		want   string
	}{
		{single, AffinityOptions{}, "compare: recipe a has one task; there is no other to act on"},
		{r, AffinityOptions{Steps: -1}, "compare: affinity takes -1 steps, a look every 10 of them and at most 0 groups; none can be negative"},
	} {
		if _, err := MeasureAffinity(context.Background(), c.recipe, c.o); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func randomMatrix(r *rand.Rand, n int) [][]float64 {
	m := newMatrix[float64](n)
	for i := range m {
		for j := range m {
			m[i][j] = r.NormFloat64()
		}
	}
	return m
}

// bestScore tries every assignment of tasks to numbered groups, and scores it
// from the formula.
func bestScore(m [][]float64, most int) float64 {
	n := len(m)
	best := math.Inf(-1)
	all := 1
	for range n {
		all *= most
	}
	for code := range all {
		of := make([]int, n)
		for i := range of {
			of[i], code = code%most, code/most
		}
		score := 0.0
		for j := range m {
			sum, others := 0.0, 0.0
			for i := range m {
				if i != j && of[i] == of[j] {
					sum, others = sum+m[i][j], others+1
				}
			}
			if others > 0 {
				score += sum / others
			}
		}
		best = max(best, score)
	}
	return best
}

func TestGroupingIsTheBest(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 20 {
		for n := 1; n <= 6; n++ {
			m := randomMatrix(r, n)
			for _, most := range []int{0, 1, 2, 3} {
				groups, got := Group(m, most)
				limit := most
				if most == 0 {
					limit = n
				}
				if want := bestScore(m, limit); math.Abs(got-want) > 1e-9 || len(groups) > limit {
					t.Errorf("%d tasks in at most %d groups: %v scores %v, the best has %v", n, most, groups, got, want)
				}
			}
		}
	}
}

// TestGreedyGroupingFindsBlocks: beyond what is searched whole.
func TestGreedyGroupingFindsBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	const n = 12
	m := newMatrix[float64](n)
	for i := range m {
		for j := range m {
			if m[i][j] = -1 + 0.1*r.Float64(); i%3 == j%3 {
				m[i][j] = 1 - 0.01*r.Float64()
			}
		}
	}
	groups, score := Group(m, 3)
	if diff := cmp.Diff([][]int{{0, 3, 6, 9}, {1, 4, 7, 10}, {2, 5, 8, 11}}, groups); diff != "" || score < 11.8 {
		t.Errorf("score %v: %s", score, diff)
	}
	if groups, _ := Group(m, 1); len(groups) != 1 || len(groups[0]) != n {
		t.Errorf("one group: %v", groups)
	}
	for i := range m {
		for j := range m {
			m[i][j] = -1
		}
	}
	if groups, score := Group(m, 0); len(groups) != n || score != 0 {
		t.Errorf("tasks that harm one another are in groups %v", groups)
	}
}
