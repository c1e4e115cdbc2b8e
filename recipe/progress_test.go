package recipe

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/train"
	"espalier/train/progress"
)

// progressing has each key of rates, ends and order with a value that is not its
// default.
const progressing = `data: {train: {format: jsonl, file: t}}
inputs: {text: {type: text}}
tasks:
  topic: {type: classification, lr: 0.5, schedule: {type: plateau, factor: 0.1, patience: 0, min: 0.01, threshold: 0.02, warmup: 5}}
  mood: {type: classification, stop: {patience: 3, then: drop}}
  slots: {type: tagging, scheme: bio, schedule: {warmup: 9}, stop: {patience: 2}}
train:
  schedule: {type: plateau}
  trunk: {lr: 0.3, schedule: {type: cosine, final: 0.1}, layer_decay: 0.9, unfreeze: 2}
  priorities: {order: [slots, [topic, mood]], every: 4, earlier: freeze}
  shares: {of: compute, caps: {mood: 0.25, topic: 1}}
`

func TestKeysOfProgress(t *testing.T) {
	r := parsed(t, progressing)
	got := r.Training()
	want := map[string]train.TaskConfig{
		"topic": {Rate: train.RateConfig{LR: 0.5, Schedule: train.ScheduleConfig{
			Type: "plateau", Warmup: 5, Every: 1, Factor: 0.1, Min: 0.01, Threshold: 0.02,
		}}},
		"mood": {Rate: train.RateConfig{LR: 1}, Stop: progress.Stop{Patience: 3, Then: "drop"}},
		"slots": {
			Rate: train.RateConfig{LR: 1, Schedule: train.ScheduleConfig{Type: "constant", Warmup: 9, Every: 1, Factor: 0.5}},
			Stop: progress.Stop{Patience: 2, Then: "stop"},
		},
	}
	if diff := cmp.Diff(want, got.Tasks); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(train.ScheduleConfig{Type: "plateau", Every: 1, Factor: 0.5, Patience: 2, Threshold: 0.0001}, got.Schedule); diff != "" {
		t.Error(diff)
	}
	if got.LayerDecay != 0.9 || got.Unfreeze != 2 {
		t.Errorf("layers: decay %v, unfreeze %v", got.LayerDecay, got.Unfreeze)
	}
	if diff := cmp.Diff(train.RateConfig{LR: 0.3, Schedule: train.ScheduleConfig{Type: "cosine", Every: 1, Factor: 0.5, Final: 0.1}}, got.Trunk); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(progress.Shares{Of: "compute", Caps: map[string]float64{"mood": 0.25, "topic": 1}}, got.Shares); diff != "" {
		t.Error(diff)
	}
	for set, want := range map[string]progress.Order{
		"":                       {Groups: [][]string{{"slots"}, {"topic", "mood"}}, By: "epoch", Every: []int{4}, Earlier: "freeze"},
		"every=[7]":              {Groups: [][]string{{"slots"}, {"topic", "mood"}}, By: "epoch", Every: []int{7}, Earlier: "freeze"},
		"order=[mood]":           {Groups: [][]string{{"mood"}}, By: "epoch", Every: []int{4}, Earlier: "freeze"},
		"order=[[mood],[topic]]": {Groups: [][]string{{"mood"}, {"topic"}}, By: "epoch", Every: []int{4}, Earlier: "freeze"},
	} {
		own := parsed(t, progressing)
		if key, value, ok := strings.Cut(set, "="); ok {
			if err := own.Set("train.priorities."+key, value); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, own.Training().Priorities); diff != "" {
			t.Errorf("%s: %s", set, diff)
		}
		if again := parsed(t, marshalled(t, own)); marshalled(t, again) != marshalled(t, own) {
			t.Errorf("%s: what is written is read as another recipe:\n%s", set, marshalled(t, own))
		}
	}
	byPerformance := parsed(t, strings.Replace(progressing, "every: 4", "by: performance, patience: 3, reach: {slots: 0.9}", 1))
	wanted := progress.Order{Groups: [][]string{{"slots"}, {"topic", "mood"}}, By: "performance", Patience: 3, Reach: map[string]float64{"slots": 0.9}, Earlier: "freeze"}
	if diff := cmp.Diff(wanted, byPerformance.Training().Priorities); diff != "" {
		t.Error(diff)
	}
}

// TestMarshalOfProgress: what has no meaning is left out.
func TestMarshalOfProgress(t *testing.T) {
	got := marshalled(t, parsed(t, progressing))
	for _, want := range []string{`
    lr: 0.5
    schedule:
      type: plateau
      warmup: 5
      factor: 0.1
      patience: 0
      min: 0.01
      threshold: 0.02
`, `
  trunk:
    lr: 0.3
    schedule:
      type: cosine
      warmup: 0
      final: 0.1
    layer_decay: 0.9
    unfreeze: 2
  priorities:
    order:
      - slots
      - - topic
        - mood
    by: epoch
    every: 4
    earlier: freeze
`, `
    stop:
      patience: 3
      then: drop
`, `
  shares:
    of: compute
    caps:
      mood: 0.25
      topic: 1
`} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no%s\nin\n%s", want, got)
		}
	}
	if plain := marshalled(t, parsed(t, least)); strings.Contains(plain, "stop") || strings.Contains(plain, "priorities") {
		t.Errorf("a recipe without any of it says\n%s", plain)
	}
}

func TestAMistakeInProgress(t *testing.T) {
	for _, test := range []struct{ from, to, want string }{
		{"lr: 0.5", "lr: 0", "r.yaml:4: tasks.topic.lr is 0, it must be above 0"},
		{"factor: 0.1", "factor: 1", "r.yaml:4: tasks.topic.schedule.factor is 1, with which a plateau lowers nothing; it must be below 1"},
		{"min: 0.01", "min: 2", "r.yaml:4: tasks.topic.schedule.min is 2, it must be between 0 and 1"},
		{"threshold: 0.02", "threshold: -1", "r.yaml:4: tasks.topic.schedule.threshold is -1, it cannot be negative"},
		{"patience: 0", "patience: -1", "r.yaml:4: tasks.topic.schedule.patience is -1, it must be at least 0"},
		{"warmup: 9", "patience: 9", "r.yaml:6: tasks.slots.schedule.patience is for type plateau, not for constant"},
		{"warmup: 9", "warmup: 1.5", "r.yaml:6: tasks.slots.schedule.warmup is 1.5, it must be a whole number of steps or, below 1, a share of all of them"},
		{"layer_decay: 0.9", "layer_decay: 1.5", "r.yaml:9: train.trunk.layer_decay is 1.5, it must be at most 1"},
		{"patience: 3", "patience: 0", "r.yaml:5: tasks.mood.stop.patience is 0, it must be at least 1"},
		{"patience: 3, ", "", "r.yaml:5: tasks.mood.stop.patience is 0, it must be at least 1"},
		{"then: drop", "then: drip", `r.yaml:5: tasks.mood.stop.then is "drip", which is not one of stop, freeze, drop; did you mean "drop"?`},
		{"lr: 0.3", "lr: -1", "r.yaml:9: train.trunk.lr is -1, it must be above 0"},
		{"type: cosine", "type: cosinus", `r.yaml:9: train.trunk.schedule.type is "cosinus", which is not one of constant, linear, cosine, inverse_sqrt, step, plateau; did you mean "cosine"?`},
		{"order: [slots,", "order: [slot,", `r.yaml:10: train.priorities.order.0 is "slot", which is not one of topic, mood, slots; did you mean "slots"?`},
		{"topic, mood]", "topic, modo]", `r.yaml:10: train.priorities.order.1.1 is "modo", which is not one of topic, mood, slots; did you mean "mood"?`},
		{"topic, mood]", "topic, slots]", `r.yaml:10: train.priorities cannot be: the order names task "slots" twice`},
		{"order: [slots, [topic, mood]], ", "", "r.yaml:10: train.priorities.order is missing; name the tasks that begin first, as in [topic]"},
		{"order: [slots, [topic, mood]]", "order: [[topic, mood, slots]]", "r.yaml:10: train.priorities cannot be: the order has all tasks in one group, nothing comes after it; leave some out or divide it"},
		{"every: 4", "every: 0", "r.yaml:10: train.priorities.every is 0, it must be at least 1"},
		{"every: 4", "every: 10", "r.yaml:10: train.priorities cannot be: the last tasks would begin after 10 epochs, and there are 10; lower every or train longer"},
		{"every: 4", "every: [1, 2]", "r.yaml:10: train.priorities cannot be: every has 2 numbers, it must have 1, or 1: one for each group but the last"},
		{"every: 4", "patience: 4", "r.yaml:10: train.priorities.patience is not for an order by epoch"},
		{"every: 4", "by: performance, every: 4", "r.yaml:10: train.priorities.every is not for an order by performance"},
		{"every: 4", "by: performance, patience: 0", "r.yaml:10: train.priorities.patience is 0, it must be at least 1"},
		{"every: 4", "by: performance, reach: {slot: 1}", "r.yaml:10: train.priorities.reach.slot is of a task that is not there; there are [topic mood slots]"},
		{"every: 4", "by: mood", `r.yaml:10: train.priorities.by is "mood", which is not one of epoch, performance`},
		{"of: compute", "of: time", `r.yaml:11: train.shares.of is "time", which is not one of steps, compute`},
		{"of: compute, caps: {mood: 0.25, topic: 1}", "of: compute", "r.yaml:11: train.shares.caps is missing; name tasks with their largest shares, as in {topic: 0.3}"},
		{"mood: 0.25, topic", "modo: 0.25, topic", "r.yaml:11: train.shares.caps.modo is of a task that is not there; there are [topic mood slots]"},
		{"mood: 0.25", "mood: 0", "r.yaml:11: train.shares.caps.mood is 0, it must be above 0 and at most 1"},
		{"mood: 0.25, topic: 1", "mood: 0.25, topic: 0.5, slots: 0.2", "r.yaml:11: train.shares cannot be: the caps of all tasks add up to 0.95, below 1: there would be steps that no task may take; raise one, or leave one out"},
		{"earlier: freeze", "earlier: rest", `r.yaml:10: train.priorities.earlier is "rest", which is not one of train, freeze, drop, stop`},
	} {
		content := strings.Replace(progressing, test.from, test.to, 1)
		if _, err := Parse("r.yaml", []byte(content)); err == nil || err.Error() != test.want {
			t.Errorf("%s:\n got %v\nwant %s", test.to, err, test.want)
		}
	}
}

// TestASingleTaskHasNoOrder: a model of one task keeps its rates, and has no order
// of tasks and no end before the others.
func TestASingleTaskHasNoOrder(t *testing.T) {
	single, err := parsed(t, progressing).Single("mood")
	if err != nil {
		t.Fatal(err)
	}
	got := single.Training()
	if got.Tasks != nil || len(got.Priorities.Groups) > 0 || got.Shares.Caps != nil || got.Trunk.LR != 0.3 {
		t.Errorf("%+v", got)
	}
}

// TestTheRecipeOfTheDocumentation is one.
func TestTheRecipeOfTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../docs/priorities.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```yaml\n")
	block, _, found := strings.Cut(block, "```\n")
	if !found {
		t.Fatal("there is no recipe")
	}
	parsed(t, "data: {train: {format: jsonl, file: t}}\ninputs: {text: {type: text}}\n"+block)
}
