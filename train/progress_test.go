package train_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/data"
	"espalier/models"
	"espalier/recipe"
	"espalier/runtime/gonum"
	"espalier/safetensors"
	"espalier/train"
	"espalier/train/balance"
	"espalier/train/progress"
)

// plain are settings of the demonstration by which nothing is drawn by chance in
// a step.
var plain = []string{
	"trunk.type=bag", "trunk.dropout=0", "trunk.embedding_dropout=0", "trunk.word_dropout=0", "trunk.rare_word_dropout=0", "train.batch=128",
}

func plainDemo(t *testing.T, set ...string) (*models.Model, train.Config, *data.Dataset) {
	t.Helper()
	return demoData(t, append(slices.Clone(plain), set...)...)
}

// parametersOf copies the trainer's parameters.
func parametersOf(tr *train.Trainer) map[string][]float32 {
	all := map[string][]float32{}
	for name, v := range tr.Parameters() {
		all[name] = append([]float32{}, v.Float32s()...)
	}
	return all
}

// after returns a trainer and its parameters after each epoch, the first being
// those before.
func after(t *testing.T, m *models.Model, c train.Config, d *data.Dataset) (*train.Trainer, []map[string][]float32, []train.Epoch) {
	t.Helper()
	tr := trainerOf(t, m, c)
	all := []map[string][]float32{parametersOf(tr)}
	res, err := tr.Fit(context.Background(), d, d, train.Hooks{Epoch: func(train.Epoch) error {
		all = append(all, parametersOf(tr))
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return tr, all, res.Epochs
}

// moved are the owners of the parameters that differ: trunk and tasks, which all
// of an owner's must do or none.
func moved(t *testing.T, from, to map[string][]float32) map[string]bool {
	t.Helper()
	owners := map[string]bool{}
	for name, v := range from {
		owner := "trunk"
		if parts := strings.Split(name, "/"); parts[0] == "head" {
			owner = parts[1]
		}
		if strings.HasSuffix(name, models.Thresholds) {
			continue // set by validation
		}
		owners[owner] = owners[owner] || !cmp.Equal(v, to[name])
	}
	return owners
}

// furthest are the largest differences between the parameters of each owner.
func furthest(from, to map[string][]float32) map[string]float64 {
	by := map[string]float64{}
	for name, v := range from {
		owner := "trunk"
		if parts := strings.Split(name, "/"); parts[0] == "head" {
			owner = parts[1]
		}
		for i := range v {
			by[owner] = max(by[owner], math.Abs(float64(v[i]-to[name][i])))
		}
	}
	return by
}

// TestWhatMovesInEachState: a head that rests keeps its bytes, under Adam with
// weight decay, whose moments and decay would move it without a gradient; the
// trunk moves with every task that shapes it.
func TestWhatMovesInEachState(t *testing.T) {
	m, c, d := plainDemo(t, "train.epochs=2")
	tasks := m.Schema().TaskNames()
	first, others := tasks[0], tasks[1:]
	c.Optimizer.Type, c.Optimizer.WeightDecay = "adamw", 0.1
	for earlier, want := range map[string]struct {
		first, others bool // whether their heads move
		changes       int
	}{
		"train": {true, true, len(others)}, "freeze": {false, true, len(tasks)}, "drop": {true, true, len(tasks)}, "stop": {false, true, len(tasks)},
	} {
		c.Priorities = progress.Order{Groups: [][]string{{first}}, Every: []int{1}, Earlier: earlier}
		_, at, epochs := after(t, m, c, d)
		one, two := moved(t, at[0], at[1]), moved(t, at[1], at[2])
		if !one["trunk"] || !one[first] || !two["trunk"] || two[first] != want.first {
			t.Errorf("%s: in the first epoch %v moved, in the second %v", earlier, one, two)
		}
		for _, other := range others {
			if one[other] || two[other] != want.others {
				t.Errorf("%s: %s moved: %v, then %v", earlier, other, one[other], two[other])
			}
			if p := epochs[0].Tasks[other]; p.State != progress.Waiting || p.LR != 0 || p.Share != 0 {
				t.Errorf("%s: the log says of %s %+v while it waits", earlier, other, p)
			}
		}
		if p := epochs[1].Tasks[first]; p.LR != map[bool]float64{true: c.Optimizer.LR}[want.first] || (p.Share == 1) != (earlier != "stop") {
			t.Errorf("%s: the log says of %s %+v", earlier, first, p)
		}
		if len(epochs[0].Changes) != want.changes {
			t.Errorf("%s: %d changes, want %d: %+v", earlier, len(epochs[0].Changes), want.changes, epochs[0].Changes)
		}
	}
}

// TestAWaitingTaskIsNotThere: as long as a task waits, all else has the bytes of
// a model that has no such task.
func TestAWaitingTaskIsNotThere(t *testing.T) {
	m, c, d := plainDemo(t, "train.epochs=3")
	last := m.Schema().Tasks[len(m.Schema().Tasks)-1].Name
	var rest []string
	for _, name := range m.Schema().TaskNames() {
		if name != last {
			rest = append(rest, name)
		}
	}
	c.Priorities = progress.Order{Groups: [][]string{rest}, Every: []int{2}}
	_, at, _ := after(t, m, c, d)
	two, err := demoRecipe(t, append(slices.Clone(plain), "train.epochs=3")...).Derive(func(r *recipe.Recipe) {
		r.Tasks = r.Tasks[:len(r.Tasks)-1]
	})
	if err != nil {
		t.Fatal(err)
	}
	without, own, few := learned(t, two)
	_, want, _ := after(t, without, own, few)
	for name, v := range want[2] {
		if strings.HasSuffix(name, models.Thresholds) {
			continue
		}
		if !cmp.Equal(v, at[2][name]) {
			t.Errorf("%s differs from that of a model without %s", name, last)
		}
	}
	if cmp.Equal(want[3], at[3]) {
		t.Error("the last task never began")
	}
}

// TestADroppedTaskLeavesTheTrunk: the trunk and the others' heads have the values
// of a run in which the task stops, and its own head goes on.
func TestADroppedTaskLeavesTheTrunk(t *testing.T) {
	for name, set := range map[string][]string{
		"plain":             nil,
		"fixed weights":     {"train.balance.method=fixed", "tasks.topic.weight=0.5"},
		"clipped":           {"train.clip_norm=0.05"},
		"uncertainty":       {"train.balance.method=uncertainty"},
		"at parameters":     {"train.balance.method=cagrad"},
		"at representation": {"train.balance.method=cagrad", "train.balance.at=representation"},
		"a direction":       {"train.balance.method=graddrop"},
		"several values":    {"sharing.method=mmoe"},
		"heads that read":   {"tasks.topic.reads=[sentiment]", "tasks.entities.reads=[sentiment, topic]", "tasks.sentiment.hidden=8"},
		"soft":              {"trunk.type=cnn", "sharing.method=soft", "sharing.l2=0"},
	} {
		t.Run(name, func(t *testing.T) {
			m, c, d := plainDemo(t, append([]string{"train.epochs=2"}, set...)...)
			first := m.Schema().TaskNames()[1]
			if name == "heads that read" { // what others read may not go on learning
				first = m.Schema().TaskNames()[2]
			}
			c.Priorities = progress.Order{Groups: [][]string{{first}}, Every: []int{1}, Earlier: "drop"}
			_, dropped, epochs := after(t, m, c, d)
			c.Priorities.Earlier = "stop"
			_, stopped, _ := after(t, m, c, d)
			for owner, by := range furthest(dropped[2], stopped[2]) {
				// Where both take the step in parts, or weights are 1, to the byte;
				// else sums are added up in another order.
				limit := 0.0
				if slices.Contains([]string{"uncertainty", "several values", "heads that read", "fixed weights", "soft"}, name) {
					limit = 1e-6
				}
				if (by > limit) != (owner == first) {
					t.Errorf("%s is %v away from that of a run in which %s stops", owner, by, first)
				}
			}
			if !moved(t, dropped[1], dropped[2])[first] {
				t.Errorf("the head of %s does not learn", first)
			}
			if p := epochs[1].Tasks[first]; p.State != progress.Dropped || p.LR != c.Optimizer.LR {
				t.Errorf("the log says %+v", p)
			}
		})
	}
}

// TestLooksAfterATaskIsDropped: with a method that needs no gradients, diagnostics
// look at those of every so many steps also when a task has been dropped, of the
// tasks that shape the trunk, and change no byte of what is learned.
func TestLooksAfterATaskIsDropped(t *testing.T) {
	m, c, d := plainDemo(t, "train.epochs=3", "train.batch=32")
	tasks := m.Schema().TaskNames()
	c.Priorities = progress.Order{Groups: [][]string{tasks[:1], tasks[1:2]}, Every: []int{1}, Earlier: "drop"}
	_, want, plain := after(t, m, c, d)
	c.Balance.Diagnostics = 3
	_, got, epochs := after(t, m, c, d)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("the run differs from one without diagnostics")
	}
	before := 0
	for i, e := range epochs {
		if looks := e.Steps/3 - before/3; e.Balance.Measured != looks || looks == 0 || looks > (e.Steps-before)/2 {
			t.Errorf("epoch %d: gradients were looked at in %d of steps %d to %d", e.Epoch, e.Balance.Measured, before+1, e.Steps)
		}
		if _, there := e.Balance.Norms[tasks[i]]; !there || len(e.Balance.Norms) != 1 {
			t.Errorf("epoch %d: the gradients of %v were looked at", e.Epoch, e.Balance.Norms)
		}
		if n := plain[i].Balance.Measured; n != 0 {
			t.Errorf("epoch %d: without diagnostics gradients were looked at in %d steps", e.Epoch, n)
		}
		before = e.Steps
	}
}

// TestRatesOfTasks: one step of plain gradient descent moves a head by its own
// factor as far, and the trunk by its.
func TestRatesOfTasks(t *testing.T) {
	m, c, d := plainDemo(t)
	var b data.Batch
	d.Fill(&b, d.Plan(data.BatchOptions{Size: 64, Shuffle: true}, 0)[0])
	c.Optimizer = train.OptimizerConfig{Type: "sgd", LR: 0.5}
	step := func(c train.Config) (before, after map[string][]float32) {
		tr := trainerOf(t, m, c)
		before = parametersOf(tr)
		if _, err := tr.Step(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		return before, parametersOf(tr)
	}
	tasks := m.Schema().TaskNames()
	before, plain := step(c)
	c.Tasks = map[string]train.TaskConfig{tasks[0]: {Rate: train.RateConfig{LR: 0.25}}}
	c.Trunk.LR = 2
	_, own := step(c)
	for name, v := range before {
		factor := 1.0
		switch {
		case strings.HasPrefix(name, "trunk/"):
			factor = 2
		case strings.HasPrefix(name, "head/"+tasks[0]+"/"):
			factor = 0.25
		}
		for i := range v {
			want := factor * float64(plain[name][i]-v[i])
			if got := float64(own[name][i] - v[i]); math.Abs(got-want) > 1e-6*math.Max(1, math.Abs(float64(v[i]))) {
				t.Fatalf("%s moves by %v, %v times the rate should move it by %v", name, got, factor, want)
			}
		}
	}
}

// TestALateHeadStartsAsAnyOther: Adam's first step of a task that waited is as
// long as its first step always is, the learning rate in every direction.
func TestALateHeadStartsAsAnyOther(t *testing.T) {
	m, c, d := plainDemo(t, "train.epochs=2", "train.batch=100000")
	c.Optimizer.LR = 0.01
	tasks := m.Schema().TaskNames()
	c.Priorities = progress.Order{Groups: [][]string{tasks[:1]}, Every: []int{1}}
	_, at, _ := after(t, m, c, d)
	name := "head/" + tasks[1] + "/logits/bias"
	if at[1][name] == nil {
		for n := range at[1] {
			t.Log(n)
		}
		t.Fatal(name + " is not there")
	}
	for i, v := range at[1][name] {
		if by := math.Abs(float64(at[2][name][i] - v)); math.Abs(by-0.01) > 1e-4 {
			t.Errorf("%s moves by %v", name, by)
		}
	}
}

// TestSchedulesOfTasks: the rates in the log are those of closed forms: a
// warm-up and a cosine that count from when the task began, the run's linear
// decay for the trunk, and a plateau that halves at every epoch that brings
// nothing, of a rate that is too small to bring anything.
func TestSchedulesOfTasks(t *testing.T) {
	m, c, d := plainDemo(t, "train.epochs=4")
	tasks := m.Schema().TaskNames()
	c.Schedule = train.ScheduleConfig{Type: "linear"}
	c.Tasks = map[string]train.TaskConfig{
		tasks[0]: {Rate: train.RateConfig{LR: 1e-12, Schedule: train.ScheduleConfig{Type: "plateau", Factor: 0.5, Threshold: 0.5}}},
		tasks[1]: {Rate: train.RateConfig{LR: 0.5, Schedule: train.ScheduleConfig{Type: "cosine", Warmup: 3}}},
	}
	c.Priorities = progress.Order{Groups: [][]string{tasks[:1], tasks[1:]}, Every: []int{2}}
	_, _, epochs := after(t, m, c, d)
	perEpoch := epochs[0].Steps
	total := 4 * perEpoch
	base := c.Optimizer.LR
	for i, e := range epochs {
		last := (i + 1) * perEpoch
		want := base * (1 - float64(last-1)/float64(total))
		if math.Abs(e.LR-want) > 1e-12 {
			t.Errorf("epoch %d: the trunk's rate is %v, not %v", e.Epoch, e.LR, want)
		}
		if want := 1e-12 * base * math.Pow(0.5, float64(max(i-1, 0))); math.Abs(e.Tasks[tasks[0]].LR-want) > 1e-20 {
			t.Errorf("epoch %d: the rate of a plateau is %v, not %v", e.Epoch, e.Tasks[tasks[0]].LR, want)
		}
		want = 0
		if i >= 2 {
			done := float64(last-2*perEpoch-3-1) / float64(total-2*perEpoch-3)
			want = 0.5 * base * (1 + math.Cos(math.Pi*done)) / 2
		}
		if math.Abs(e.Tasks[tasks[1]].LR-want) > 1e-12 {
			t.Errorf("epoch %d: the rate of a task that began in the third is %v, not %v", e.Epoch, e.Tasks[tasks[1]].LR, want)
		}
	}
}

// TestProgressResumesToTheSameBytes: four epochs in which tasks begin, are
// dropped, frozen and capped, and slow down, and each of them resumed from the one before.
func TestProgressResumesToTheSameBytes(t *testing.T) {
	m, c, d := demoData(t, "train.epochs=4", "train.batch=128", "trunk.type=bag", "train.average=0.9")
	tasks := m.Schema().TaskNames()
	c.Schedule = train.ScheduleConfig{Type: "plateau", Factor: 0.5, Threshold: 0.3}
	c.Priorities = progress.Order{Groups: [][]string{tasks[:1]}, Every: []int{1}, Earlier: "drop"}
	c.Tasks = map[string]train.TaskConfig{
		tasks[1]: {Rate: train.RateConfig{LR: 1e-9}, Stop: progress.Stop{Patience: 1, Then: "freeze"}},
		tasks[2]: {Rate: train.RateConfig{Schedule: train.ScheduleConfig{Type: "inverse_sqrt", Warmup: 3}}},
	}
	c.Trunk.LR = 1e-9 // so that the second task learns nothing
	c.Shares = progress.Shares{Of: "compute", Caps: map[string]float64{tasks[2]: 0.3}}
	whole := trainerOf(t, m, c)
	var states [][]byte
	res, err := whole.Fit(context.Background(), d, d, train.Hooks{Epoch: func(train.Epoch) error {
		state, err := encoded(whole.State())
		states = append(states, state)
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, e := range res.Epochs {
		seen = append(seen, fmt.Sprintf("%v %v %v", e.Tasks[tasks[0]].State, e.Tasks[tasks[1]].State, e.Tasks[tasks[2]].State))
	}
	if diff := cmp.Diff([]string{
		"training waiting waiting", "dropped training training", "dropped training training", "dropped frozen training",
	}, seen); diff != "" {
		t.Error(diff)
	}
	want, err := encoded(whole.State())
	if err != nil {
		t.Fatal(err)
	}
	for i := range states[:len(states)-1] {
		f, err := safetensors.Decode(states[i])
		if err != nil {
			t.Fatal(err)
		}
		resumed := trainerOf(t, m, c)
		if err := resumed.Resume(f); err != nil {
			t.Fatal(err)
		}
		if _, err := resumed.Fit(context.Background(), d, d, train.Hooks{}); err != nil {
			t.Fatal(err)
		}
		got, err := encoded(resumed.State())
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("a run that is resumed after epoch %d ends in another state (%v)", i+1, err)
		}
	}
	f, err := safetensors.Decode(states[0])
	if err != nil {
		t.Fatal(err)
	}
	c.Schedule, c.Priorities, c.Tasks, c.Shares, c.Trunk = train.ScheduleConfig{}, progress.Order{}, nil, progress.Shares{}, train.RateConfig{}
	if err := trainerOf(t, m, c).Resume(f); err == nil || !strings.Contains(err.Error(), "of which this one says nothing") {
		t.Errorf("a run without any of it gives %v", err)
	}
}

// TestAMetricThatIsNotThere: what follows a metric that validation cannot measure
// is refused before the first step.
func TestAMetricThatIsNotThere(t *testing.T) {
	two, err := demoRecipe(t, plain...).Derive(func(r *recipe.Recipe) { r.Data.Valid[0].Fields["topic"] = "nothing" })
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := two.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	if err := encoder.Learn(two.Sources("train")); err != nil {
		t.Fatal(err)
	}
	valid, err := encoder.Encode(two.Sources("valid"))
	if err != nil {
		t.Fatal(err)
	}
	m, c, d := plainDemo(t)
	one := train.ScheduleConfig{Type: "plateau", Factor: 0.5}
	for name, set := range map[string]func(*train.Config){
		"a plateau of all": func(c *train.Config) { c.Schedule = one },
		"a plateau of a task": func(c *train.Config) {
			c.Tasks = map[string]train.TaskConfig{"topic": {Rate: train.RateConfig{Schedule: one}}}
		},
		"an end": func(c *train.Config) {
			c.Tasks = map[string]train.TaskConfig{"topic": {Stop: progress.Stop{Patience: 1}}}
		},
		"an order": func(c *train.Config) {
			c.Priorities = progress.Order{Groups: [][]string{{"topic"}}, By: "performance", Patience: 1}
		},
	} {
		own := c
		set(&own)
		steps := 0
		_, err := trainerOf(t, m, own).Fit(context.Background(), d, valid, train.Hooks{Before: func(*data.Batch) error { steps++; return nil }})
		const want = `train: a learning rate, a stop or the order follows the metric of task "topic", which has no label in the validation data: give it some, or take a schedule that needs none`
		if fmt.Sprint(err) != want || steps > 0 {
			t.Errorf("%s: after %d steps:\n got %v\nwant %s", name, steps, err, want)
		}
	}
	c.Priorities = progress.Order{Groups: [][]string{{"sentiment", "entities"}}, By: "performance", Patience: 1} // the last decides nothing
	if _, err := trainerOf(t, m, c).Fit(context.Background(), d, valid, train.Hooks{}); err != nil {
		t.Errorf("an order in which the task comes last: %v", err)
	}
}

func TestWhatCannotBeTrainedInOrder(t *testing.T) {
	m, c, _ := plainDemo(t)
	for want, set := range map[string]func(*train.Config){
		`train: the order names task "topics", which is not there; did you mean "topic"?`: func(c *train.Config) {
			c.Priorities = progress.Order{Groups: [][]string{{"topics"}}, Every: []int{1}}
		},
		`train: a learning rate or a stop is given for task "mood"; the model has [topic sentiment entities]`: func(c *train.Config) {
			c.Tasks = map[string]train.TaskConfig{"mood": {Rate: train.RateConfig{LR: 2}}}
		},
		`train: the factor of the learning rate of task "topic" is -1, it must be above 0`: func(c *train.Config) {
			c.Tasks = map[string]train.TaskConfig{"topic": {Rate: train.RateConfig{LR: -1}}}
		},
		`train: the schedule of the trunk: optim: schedule "sine" is not one of constant, linear, cosine, inverse_sqrt, step, plateau`: func(c *train.Config) {
			c.Trunk.Schedule.Type = "sine"
		},
		`train: schedule: the factor of a plateau is 0, it must be above 0 and below 1`: func(c *train.Config) {
			c.Schedule = train.ScheduleConfig{Type: "plateau"}
		},
		`train: a share is capped of task "mood"; there are topic, sentiment, entities`: func(c *train.Config) {
			c.Shares.Caps = map[string]float64{"mood": 0.5}
		},
		`train: the patience of task "topic" is -1, it must be at least 1`: func(c *train.Config) {
			c.Tasks = map[string]train.TaskConfig{"topic": {Stop: progress.Stop{Patience: -1}}}
		},
	} {
		own := c
		set(&own)
		if _, err := train.New(m, gonum.New(), own); fmt.Sprint(err) != want {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
	}
}

// TestEveryMethodWithTasksThatComeAndGo: a task that trains alone and then leaves
// the others, and two that begin later, with every method of balancing: losses
// fall, and no number is not finite.
func TestEveryMethodWithTasksThatComeAndGo(t *testing.T) {
	m, c, d := plainDemo(t, "train.epochs=3", "train.batch=16", "train.optimizer.lr=0.02")
	_, d = d.Split(0.04, 1)
	tasks := m.Schema().TaskNames()
	for _, method := range balance.Methods() {
		for _, earlier := range []string{"drop", "stop", "freeze"} {
			t.Run(method.Name+" "+earlier, func(t *testing.T) {
				c.Balance = train.BalanceConfig{Method: method.Name}
				c.Priorities = progress.Order{Groups: [][]string{tasks[:1], tasks[1:]}, Every: []int{1}, Earlier: earlier}
				tr, _, epochs := after(t, m, c, d)
				finite(t, tr)
				for _, name := range tasks[1:] {
					if first, last := epochs[1].Losses[name], epochs[2].Losses[name]; !(last < first) {
						t.Errorf("the loss of %s goes from %v to %v", name, first, last)
					}
				}
				if _, counts := epochs[2].Losses[tasks[0]]; counts != (earlier != "stop") {
					t.Errorf("the log has losses %v", epochs[2].Losses)
				}
				if w := epochs[2].Balance.Weights; w != nil {
					if _, weighed := w[tasks[0]]; weighed != (earlier == "freeze") {
						t.Errorf("weights are %v", w)
					}
				}
			})
		}
	}
}

// TestTheTrunkRestsInStepsOfADroppedTask: where steps are of one task, those of
// one that is dropped move its head and nothing else, moments included.
func TestTheTrunkRestsInStepsOfADroppedTask(t *testing.T) {
	m, c, d := plainDemo(t, "train.epochs=2", "train.sampling.method=round_robin", "train.optimizer.weight_decay=0.1")
	tasks := m.Schema().TaskNames()
	c.Optimizer.Type = "adamw"
	c.Priorities = progress.Order{Groups: [][]string{tasks[:1]}, Every: []int{1}, Earlier: "drop"}
	tr := trainerOf(t, m, c)
	var before map[string][]float32
	var alone bool
	steps := 0
	_, err := tr.Fit(context.Background(), d, d, train.Hooks{
		Before: func(b *data.Batch) error {
			before, alone = parametersOf(tr), b.Counts[0] > 0
			return nil
		},
		Step: func(epoch, _, _ int, _ []float32) {
			if epoch < 2 {
				return
			}
			steps++
			did := moved(t, before, parametersOf(tr))
			if did["trunk"] == alone || alone && !did[tasks[0]] {
				t.Errorf("a step of the dropped task: %v; moved: %v", alone, did)
			}
		},
	})
	if err != nil || steps < 6 {
		t.Errorf("%d steps, %v", steps, err)
	}
}
