package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"espalier/recipe"
	"espalier/train/score"
)

// Variant is one way to train a recipe's joint model.
type Variant struct {
	Name string
	// Settings change the recipe, each of the form "train.balance.method=dwa":
	// how tasks share the trunk, how they are balanced or sampled, what they
	// weigh. What the single-task models have cannot be changed.
	Settings []string
}

// variantName is a name that can be part of a folder's.
var variantName = regexp.MustCompile(`^[A-Za-z0-9_.@-]+$`)

// setting is the beginning of one.
var setting = regexp.MustCompile(`^\s*[\w-]+(\.[\w-]+)*=`)

// ParseVariant reads NAME, the recipe as it is, or NAME=KEY=VALUE,KEY=VALUE. A
// comma that no KEY= follows belongs to the value.
func ParseVariant(text string) (Variant, error) {
	name, rest, more := strings.Cut(text, "=")
	v := Variant{Name: name}
	if !more {
		return v, nil
	}
	for _, part := range strings.Split(rest, ",") {
		switch n := len(v.Settings); {
		case setting.MatchString(part):
			v.Settings = append(v.Settings, strings.TrimSpace(part))
		case n == 0:
			return v, fmt.Errorf("variant %q is not of the form NAME=KEY=VALUE,KEY=VALUE", text)
		default:
			v.Settings[n-1] += "," + part
		}
	}
	return v, nil
}

// BalanceVariants makes a variant of each method of a list such as
// "equal,dwa,pcgrad@representation".
func BalanceVariants(list string) []Variant {
	var all []Variant
	for _, name := range strings.Split(list, ",") {
		name = strings.TrimSpace(name)
		method, at, there := strings.Cut(name, "@")
		value := "{method: " + method + "}"
		if there {
			value = "{method: " + method + ", at: " + at + "}"
		}
		all = append(all, Variant{name, []string{"train.balance=" + value}})
	}
	return all
}

// Variants is a finished comparison of several joint models with the same
// single-task ones, and with one another.
type Variants struct {
	Recipe     string  `json:"recipe"`
	Budget     string  `json:"budget"`
	Seeds      []int   `json:"seeds"`
	Engine     string  `json:"engine"`
	Confidence float64 `json:"confidence"`
	Resamples  int     `json:"resamples"`
	// Single is the mean of the tasks' metrics of the single-task models.
	Single   Sample    `json:"single"`
	Variants []Varied  `json:"variants"`
	Failed   []Failure `json:"failed,omitempty"`
}

// Varied is what one variant gave.
type Varied struct {
	Name     string   `json:"name"`
	Settings []string `json:"settings,omitempty"`
	// Joint is the mean of the tasks' metrics.
	Joint Sample `json:"joint"`
	// OverFirst is the mean over tasks of the gain over the first variant; nil
	// for that one, and where a model is missing.
	OverFirst *Difference `json:"over_first,omitempty"`
	// Comparison is with the single-task models.
	Comparison *Result `json:"comparison"`
}

// RunVariants is [Run] with several joint models of a recipe for one set of
// single-task models: what they have is the same for all variants, or it is an
// error. The first variant is what the others are compared with, too.
func RunVariants(ctx context.Context, r *recipe.Recipe, variants []Variant, dir string, o Options) (*Variants, error) {
	o = o.withDefaults()
	if err := o.check(r); err != nil {
		return nil, err
	}
	base, err := oneThread(r)
	if err != nil {
		return nil, err
	}
	joint, err := vary(r, base, variants)
	if err != nil {
		return nil, err
	}
	cache := newCache(r, o.CacheBytes)
	defer cache.Free()
	trials, err := planAll(base, joint, dir, o, cache)
	if err != nil {
		return nil, err
	}
	outcomes := trainAll(ctx, cache, trials, o)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v := &Variants{Recipe: r.Name, Budget: o.Budget, Engine: o.Engine.Name(), Confidence: o.Confidence, Resamples: o.Resamples}
	if v.Single, err = singleMeans(r, trials, outcomes, o); err != nil {
		return nil, err
	}
	for i := range variants {
		if err := v.add(ctx, r, variants[i], i, trials, outcomes, o); err != nil {
			return nil, err
		}
	}
	v.decide()
	return v, keep(v, v.Failed, filepath.Join(dir, "variants-"+r.Name+"-"+mark(variants)+o.suffix()+".json"))
}

// decide gives verdicts in view of all differences in the tables: those to
// single models of all variants together, and those to the first variant.
func (v *Variants) decide() {
	var alone, first []claim
	for _, of := range v.Variants {
		alone = append(alone, of.Comparison.claims()...)
		if of.OverFirst != nil {
			first = append(first, claim{of.OverFirst, true, false})
		}
	}
	decide(alone, v.Confidence)
	decide(first, v.Confidence)
}

// mark tells the files of different sets of variants in one folder apart. Their
// order counts: the first is what the others are compared with.
func mark(variants []Variant) string {
	h := fnv.New32a()
	for _, v := range variants {
		fmt.Fprintf(h, "%q %q\n", v.Name, v.Settings)
	}
	return fmt.Sprintf("%08x", h.Sum32())
}

// singleMeans are the means over tasks of what the single-task models have, of
// the seeds that have all of them.
func singleMeans(r *recipe.Recipe, trials []*trial, outcomes []*outcome, o Options) (Sample, error) {
	var names, metrics []string
	alone := make([]*score.Answers, o.Seeds)
	against := make([][]*score.TaskAnswers, len(r.Tasks))
	for i, t := range r.Tasks {
		names, metrics = append(names, t.Name), append(metrics, t.Metric)
		against[i] = make([]*score.TaskAnswers, o.Seeds)
	}
	for seed := range alone {
		alone[seed] = &score.Answers{Tasks: make([]score.TaskAnswers, len(r.Tasks))}
	}
	for i, t := range trials {
		seed := t.seed - r.Train.Seed
		switch own := outcomes[i].answers; {
		case !t.single:
		case own == nil && t.answers:
			alone[seed] = nil
		case own != nil && alone[seed] != nil:
			alone[seed].Examples = max(alone[seed].Examples, own.Examples)
			alone[seed].Tasks[t.number], against[t.number][seed] = own.Tasks[0], &own.Tasks[0]
		}
	}
	unlike(r, alone, against)                 // reported where they are compared with joint models
	p, err := newPairs(alone, against, names) // with themselves
	if err != nil {
		return Sample{}, err
	}
	return judge(p, metrics, 0, o.Confidence).means(func(t *Task) Sample { return t.Single }), nil
}

// vary makes the recipes of the variants.
func vary(r, base *recipe.Recipe, variants []Variant) ([]joined, error) {
	if len(variants) < 2 {
		return nil, errors.New("compare: there must be at least 2 variants, the first of which the others are compared with")
	}
	var all []joined
	places := map[string]string{}
	for _, v := range variants {
		if !variantName.MatchString(v.Name) {
			return nil, fmt.Errorf("compare: variant %q: a name is made of letters, digits and _ . @ -", v.Name)
		}
		changed, err := r.With(v.Settings...)
		if err == nil {
			changed, err = oneThread(changed)
		}
		if err == nil {
			err = sameSingles(base, changed)
		}
		if err != nil {
			return nil, fmt.Errorf("compare: variant %q: %w", v.Name, err)
		}
		folder := "joint-" + r.Name + "-" + v.Name
		content, err := changed.Marshal()
		if err != nil {
			return nil, err
		}
		// The recipe as it is has the folder that it has without variants.
		if plain, err := base.Marshal(); err == nil && bytes.Equal(plain, content) {
			folder = "joint-" + r.Name
		}
		if other, ok := places[string(content)]; ok {
			return nil, fmt.Errorf("compare: variants %q and %q are the same", other, v.Name)
		}
		if slices.ContainsFunc(all, func(j joined) bool { return j.folder == folder }) {
			return nil, fmt.Errorf("compare: there are two variants %q", v.Name)
		}
		places[string(content)] = v.Name
		all = append(all, joined{"variant " + v.Name, folder, changed})
	}
	return all, nil
}

// sameSingles reports a change of what single-task models have, too.
func sameSingles(base, changed *recipe.Recipe) error {
	if len(base.Tasks) != len(changed.Tasks) {
		return fmt.Errorf("it has %d tasks, the recipe has %d", len(changed.Tasks), len(base.Tasks))
	}
	for i, t := range base.Tasks {
		var content [2][]byte
		for j, r := range []*recipe.Recipe{base, changed} {
			single, err := r.Single(r.Tasks[i].Name)
			if err != nil {
				return err
			}
			if content[j], err = single.Marshal(); err != nil {
				return err
			}
		}
		if !bytes.Equal(content[0], content[1]) {
			return fmt.Errorf("it changes what the model of task %q alone has: %s; set it for all with --set, or compare in another directory",
				t.Name, firstDifference(content[0], content[1]))
		}
	}
	return nil
}

// firstDifference shows the first line of a text that another has not.
func firstDifference(old, changed []byte) string {
	a, b := bytes.Split(old, []byte("\n")), bytes.Split(changed, []byte("\n"))
	for i := range b {
		if i >= len(a) || !bytes.Equal(a[i], b[i]) {
			return string(bytes.TrimSpace(b[i]))
		}
	}
	return string(bytes.TrimSpace(a[len(b)]))
}

// add compares one variant.
func (v *Variants) add(ctx context.Context, r *recipe.Recipe, of Variant, number int, trials []*trial, outcomes []*outcome, o Options) error {
	own, outs := only(number, trials, outcomes)
	result, err := conclude(ctx, r, own, outs, o)
	if err != nil {
		return err
	}
	v.Seeds = result.Seeds
	for _, f := range result.Failed {
		if !slices.ContainsFunc(v.Failed, f.same) { // those of single models come with every variant
			v.Failed = append(v.Failed, f)
		}
	}
	result.Failed = nil
	varied := Varied{Name: of.Name, Settings: of.Settings, Comparison: result}
	varied.Joint = result.means(func(t *Task) Sample { return t.Joint })
	if number > 0 {
		if varied.OverFirst, err = overFirst(r, number, trials, outcomes, o); err != nil {
			return err
		}
	}
	v.Variants = append(v.Variants, varied)
	return nil
}

// means are the means over tasks of what models have on them, of the seeds that
// have all; none where a model of a task is missing.
func (r *Result) means(of func(*Task) Sample) Sample {
	if r.Mean == nil {
		return Sample{}
	}
	bySeed, tasks := map[int][]float64{}, 0
	for i := range r.Tasks {
		t := &r.Tasks[i]
		if t.Undefined != "" {
			continue
		}
		tasks++
		for k, x := range of(t).Values {
			bySeed[t.place(k)] = append(bySeed[t.place(k)], x)
		}
	}
	var values []float64
	for _, seed := range slices.Sorted(maps.Keys(bySeed)) {
		if all := bySeed[seed]; len(all) == tasks {
			values = append(values, stat.Mean(all, nil))
		}
	}
	return newSample(values)
}

// overFirst compares a variant with the first as with single models.
func overFirst(r *recipe.Recipe, number int, trials []*trial, outcomes []*outcome, o Options) (*Difference, error) {
	var joint, first []*score.Answers
	for i, t := range trials {
		switch {
		case t.single:
		case t.number == 0:
			first = append(first, outcomes[i].answers)
		case t.number == number:
			joint = append(joint, outcomes[i].answers)
		}
	}
	var names, metrics []string
	against := make([][]*score.TaskAnswers, len(r.Tasks))
	for i, t := range r.Tasks {
		names, metrics = append(names, t.Name), append(metrics, t.Metric)
		for _, a := range first {
			var own *score.TaskAnswers
			if a != nil {
				own = &a.Tasks[i]
			}
			against[i] = append(against[i], own)
		}
	}
	unlike(r, joint, against) // reported where they are compared with single models
	p, err := newPairs(joint, against, names)
	if err != nil {
		return nil, err
	}
	p.paired = true
	return judge(p, metrics, o.Resamples, o.Confidence).overall(), nil
}
