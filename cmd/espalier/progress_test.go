package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/train"
	"espalier/train/progress"
	"espalier/train/score"
)

// TestChangesOfTasks: a task that is in another state has a line behind its
// epoch's; one that waits has no loss.
func TestChangesOfTasks(t *testing.T) {
	var b strings.Builder
	mean := 0.581
	err := (&reporter{w: &b}).epoch(train.Epoch{Epoch: 5, Best: true, Score: &mean, Losses: map[string]float64{"slots": 0.5}, Valid: score.Scores{
		{Task: "slots", Metric: "span_f1", Metrics: map[string]float64{"span_f1": 0.912}},
		{Task: "mood", Metric: "accuracy", Metrics: map[string]float64{"accuracy": 0.25}},
	}, Changes: []progress.Change{
		{Task: "slots", To: progress.Frozen, Why: "no better than 0.912 for 3 epochs"},
		{Task: "mood", From: progress.Waiting, Why: "2 epochs of those before are over"},
	}})
	const want = `epoch  5    0.0 s   slots loss 0.500 span_f1 0.9120  mood loss - accuracy 0.2500  best
task slots is frozen from epoch 6 on (no better than 0.912 for 3 epochs)
task mood is training from epoch 6 on (2 epochs of those before are over)
`
	if diff := cmp.Diff(want, b.String()); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// TestDiagnosticsInALine: what was measured of the gradients stands below the
// epoch, where it was asked for.
func TestDiagnosticsInALine(t *testing.T) {
	share := 0.25
	e := train.Epoch{
		Epoch: 2, Valid: score.Scores{{Task: "a"}, {Task: "b"}, {Task: "c"}},
		Balance: &train.Balance{
			Norms: map[string]float64{"a": 0.5, "b": 2}, Conflicts: &share, Condition: 12.3, Measured: 8,
			Cosines: map[string]map[string]float64{"a": {"b": -0.125, "c": 0.5}},
		},
	}
	const want = "          gradients in 8 steps: lengths 0.5/2/-  conflicts in 25 %  cosines -0.12 (a, b) to +0.50 (a, c)  condition 12.3\n"
	if diff := cmp.Diff(want, gradientsOf(e)); diff != "" {
		t.Error(diff)
	}
	for gradients, lines := range map[bool]int{false: 1, true: 2} {
		var b strings.Builder
		if err := (&reporter{w: &b, gradients: gradients}).epoch(e); err != nil || strings.Count(b.String(), "\n") != lines {
			t.Errorf("%v: %s (%v)", gradients, b.String(), err)
		}
	}
	delete(e.Balance.Cosines["a"], "c")
	if text := gradientsOf(e); !strings.Contains(text, "  cosine -0.12 (a, b)  ") {
		t.Error(text)
	}
	if text := gradientsOf(train.Epoch{Balance: &train.Balance{}}); text != "" {
		t.Error(text)
	}
}
