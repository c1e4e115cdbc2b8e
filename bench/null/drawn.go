package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat/distuv"

	"espalier/compare"
	"espalier/schema"
	"espalier/train/score"
)

// world is how the answers of one comparison are drawn.
type world struct {
	tasks, seeds int
	gain         float64 // of joint training in every task's accuracy
	noise        string  // of seeds: see seedNoise
}

// examples of test and accuracies, task after task, those of the sets in
// bench/results: a few hundred reviews, or more.
var (
	examples   = []int{400, 250, 600, 400, 1000}
	accuracies = []float64{0.82, 0.75, 0.9, 0.86, 0.94}
)

// Standard deviations over seeds in bench/results/figures go from 0.2 points to
// 1.6. A part of them is that of finite test data, which comes on top here.
const leastSD, mostSD = 0.002, 0.012

// How much of what decides whether an example is answered right is the
// example's own, how much is the same for all models of one kind, and how much
// each model's. Models of two seeds give another answer to about one example in
// ten, as those of FDU-MTL do.
const ofExample, ofKind, ofModel = 0.6, 0.2, 0.2

// ofTrunk is the share of the joint model's luck that all tasks have in common.
const ofTrunk = 0.5

// seedNoise draws with variance 1.
var seedNoise = map[string]func(*rand.Rand) float64{
	"normal": func(r *rand.Rand) float64 { return r.NormFloat64() },
	// t with three degrees of freedom: now and then a seed is far off.
	"heavy": func(r *rand.Rand) float64 {
		return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: 3, Src: r}.Rand() / math.Sqrt(3)
	},
	// One seed in twenty is four points worse, in units of the largest deviation.
	"failing": func(r *rand.Rand) float64 {
		if r.Float64() < 0.05 {
			return -4
		}
		return 0.5 * r.NormFloat64()
	},
}

// draw returns answers of joint models by seed, and single ones by task and seed.
func (w world) draw(r *rand.Rand) ([]*score.Answers, [][]*score.TaskAnswers) {
	joint, single := make([]*score.Answers, w.seeds), make([][]*score.TaskAnswers, w.tasks)
	noise := seedNoise[w.noise]
	trunk := make([]float64, w.seeds)
	for s := range joint {
		joint[s], trunk[s] = &score.Answers{}, noise(r)
	}
	for t := range single {
		n, accuracy := examples[t%len(examples)], accuracies[t%len(accuracies)]
		sd := leastSD * math.Pow(mostSD/leastSD, r.Float64())
		of := newQuestions(r, n)
		first := joint[0].Examples
		for s, a := range joint {
			luck := math.Sqrt(ofTrunk)*trunk[s] + math.Sqrt(1-ofTrunk)*noise(r)
			a.Tasks = append(a.Tasks, of.answer(r, t, first, of.joint, accuracy+w.gain+sd*luck))
			a.Examples += n
			alone := of.answer(r, t, 0, of.single, accuracy+sd*noise(r))
			single[t] = append(single[t], &alone)
		}
	}
	return joint, single
}

// questions are the test examples of a task: how hard each is, for all models
// and for those of one kind.
type questions struct{ joint, single []float64 }

func newQuestions(r *rand.Rand, n int) *questions {
	q := &questions{make([]float64, n), make([]float64, n)}
	for i := range n {
		all := math.Sqrt(ofExample) * r.NormFloat64()
		q.joint[i], q.single[i] = all+math.Sqrt(ofKind)*r.NormFloat64(), all+math.Sqrt(ofKind)*r.NormFloat64()
	}
	return q
}

// answer draws a model's answers: label 0 is right.
func (q *questions) answer(r *rand.Rand, task, first int, hard []float64, accuracy float64) score.TaskAnswers {
	a := score.TaskAnswers{Task: fmt.Sprint("t", task), Metric: "accuracy", Type: schema.Classification, Labels: []string{"right", "wrong"}}
	limit := distuv.UnitNormal.Quantile(min(max(accuracy, 0.01), 0.99))
	answers := [][]int64{{0}, {1}}
	for i, h := range hard {
		wrong := 0
		if h+math.Sqrt(ofModel)*r.NormFloat64() > limit {
			wrong = 1
		}
		a.Rows = append(a.Rows, first+i)
		a.Predicted, a.Truth = append(a.Predicted, answers[wrong]), append(a.Truth, answers[0])
	}
	return a
}

// counts are what came of many comparisons.
type counts struct {
	families, tests           int
	helped, hurt              int // tasks
	anyTask, mean, any        int // families with a verdict on a task, on the mean, on any of them
	uncorrected, uncorrected1 int // tasks, and families with a task, whose own p is small enough
	sd, sds                   float64
}

func (c *counts) add(r *compare.Result) {
	c.families++
	task, mean, alone := false, r.Mean.Verdict == compare.Helped || r.Mean.Verdict == compare.Hurt, false
	for _, t := range r.Tasks {
		c.tests++
		c.sd, c.sds = c.sd+t.Single.SD+t.Joint.SD, c.sds+2
		switch t.Difference.Verdict {
		case compare.Helped:
			c.helped, task = c.helped+1, true
		case compare.Hurt:
			c.hurt, task = c.hurt+1, true
		}
		if p := t.Difference.P; p != nil && *p <= 1-r.Confidence {
			c.uncorrected++
			alone = true
		}
	}
	for _, of := range []struct {
		is bool
		n  *int
	}{{task, &c.anyTask}, {mean, &c.mean}, {task || mean, &c.any}, {alone, &c.uncorrected1}} {
		if of.is {
			*of.n++
		}
	}
}

func percent(n, of int) string { return fmt.Sprintf("%.1f", 100*float64(n)/float64(max(of, 1))) }

// run draws and judges families comparisons. Each depends on its number alone.
func (w world) run(ctx context.Context, families, resamples, jobs int) (*counts, error) {
	results := make([]*compare.Result, families)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for i := range families {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			joint, single := w.draw(rand.New(rand.NewPCG(uint64(i), 1)))
			var err error
			results[i], err = compare.Judge(joint, single, nil, compare.Options{Resamples: resamples})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	c := &counts{}
	for _, r := range results {
		c.add(r)
	}
	return c, nil
}

// most is the share of comparisons without any effect that may have a verdict, and
// least that of tasks with an effect which must have the right one: a rule that never
// says anything is never wrong.
const most, least = 0.05, 0.1

// fault says in a line what is wrong with the verdicts; "" where nothing is.
func (w world) fault(c *counts) string {
	wrong, helped := float64(c.any)/float64(c.families), float64(c.helped)/float64(c.tests)
	what := ""
	switch {
	// Three standard errors of a share of comparisons.
	case w.gain == 0 && wrong > most+3*math.Sqrt(most*(1-most)/float64(c.families)):
		what = fmt.Sprintf("%.3f of comparisons have a verdict where nothing is so", wrong)
	case w.gain > 0 && helped < least:
		what = fmt.Sprintf("only %.3f of tasks are helped where all are better", helped)
	default:
		return ""
	}
	return fmt.Sprintf("\n%d tasks, %d seeds, %s noise: %s", w.tasks, w.seeds, w.noise, what)
}

// reportDrawn prints both tables, and fails where verdicts come of nothing more
// often than they may, or hardly ever where there is something.
func reportDrawn(ctx context.Context, families, resamples, jobs int) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "gain\tnoise\ttasks\tseeds\tsd of seeds\tp < 0.05, %%\ttasks helped, %%\thurt, %%\tmean shown, %%\tany task, %%\tany at all, %%\t\n")
	bad := ""
	for _, gain := range []float64{0, 0.03} {
		for _, noise := range []string{"normal", "heavy", "failing"} {
			for _, tasks := range []int{2, 5, 20} {
				for _, seeds := range []int{1, 2, 3, 5} {
					w := world{tasks, seeds, gain, noise}
					if gain > 0 && (seeds < 3 || noise == "failing") {
						continue
					}
					c, err := w.run(ctx, families, resamples, jobs)
					if err != nil {
						return err
					}
					fmt.Fprintf(out, "%+.2f\t%s\t%d\t%d\t%.2f\t%s\t%s\t%s\t%s\t%s\t%s\t\n", gain, noise, tasks, seeds, 100*c.sd/c.sds, percent(c.uncorrected, c.tests),
						percent(c.helped, c.tests), percent(c.hurt, c.tests), percent(c.mean, c.families), percent(c.anyTask, c.families), percent(c.any, c.families))
					bad += w.fault(c)
				}
			}
			_ = out.Flush()
		}
	}
	if bad != "" {
		return fmt.Errorf("verdicts are not what they say:%s", bad)
	}
	return out.Flush()
}

// join adds what came of other comparisons.
func (c *counts) join(o *counts) {
	c.families, c.tests = c.families+o.families, c.tests+o.tests
	c.helped, c.hurt = c.helped+o.helped, c.hurt+o.hurt
	c.anyTask, c.mean, c.any = c.anyTask+o.anyTask, c.mean+o.mean, c.any+o.any
}
