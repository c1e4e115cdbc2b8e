package train_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"espalier/data"
	"espalier/train"
)

// TestPenaltyMovesParametersByItsGradient: with all tasks' weights at 0, a step
// of gradient descent on the squared distances between n trunks moves each by
// 2 l2 times the sum of its distances from the others, and nothing else.
func TestPenaltyMovesParametersByItsGradient(t *testing.T) {
	const l2, lr = 0.05, 0.5
	m, c, d := demoData(t, "sharing.method=soft", "sharing.l2=0.05")
	c.Optimizer = train.OptimizerConfig{Type: "sgd", LR: lr}
	c.Balance, c.Weights = train.BalanceConfig{}, map[string]float64{}
	tasks := m.Schema().TaskNames()
	for _, task := range tasks {
		c.Weights[task] = 0
	}
	trainer := trainerOf(t, m, c)
	before := map[string][]float32{}
	for name, v := range trainer.Parameters() {
		before[name] = append([]float32{}, v.Float32s()...)
	}
	var b data.Batch
	d.Fill(&b, d.Plan(data.BatchOptions{Size: 4}, 0)[0])
	if _, err := trainer.Step(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	moved := 0
	for name, v := range trainer.Parameters() {
		task, rest, _ := strings.Cut(strings.TrimPrefix(name, "head/"), "/")
		for i, got := range v.Float32s() {
			want := float64(before[name][i])
			if strings.HasPrefix(rest, "trunk/") {
				for _, other := range tasks {
					want -= lr * 2 * l2 * float64(before[name][i]-before["head/"+other+"/"+rest][i])
				}
				moved++
			}
			if math.Abs(float64(got)-want) > 1e-6 {
				t.Fatalf("%s[%d] of %s is %v, want %v", name, i, task, got, want)
			}
		}
	}
	if moved == 0 {
		t.Error("the model has no trunks of tasks")
	}
}

// TestPenaltyIsReported: the mean over an epoch's steps, smaller in the second
// epoch under a large factor, and absent with hard sharing.
func TestPenaltyIsReported(t *testing.T) {
	m, c, d := demoData(t, "sharing.method=soft", "sharing.l2=0.1", "train.epochs=2")
	res, err := trainerOf(t, m, c).Fit(context.Background(), d, d, train.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range res.Epochs {
		if !(e.Penalty > 0) || i > 0 && e.Penalty >= res.Epochs[i-1].Penalty {
			t.Errorf("the penalty of epoch %d is %v", e.Epoch, e.Penalty)
		}
	}
	m, c, d = demoData(t)
	if res, err = trainerOf(t, m, c).Fit(context.Background(), d, d, train.Hooks{}); err != nil || res.Epochs[0].Penalty != 0 {
		t.Errorf("hard sharing has penalty %v (%v)", res.Epochs[0].Penalty, err)
	}
}

// TestDiscriminatorFindsWhatTheTrunkDoesNotHide: each kind of row has the labels of
// one of two tasks. Where next to no gradient comes back through the reversal, the
// discriminator tells the tasks apart; where it does, the trunk hides the kind.
// Means are over four seeds, as two players circle around each other.
func TestDiscriminatorFindsWhatTheTrunkDoesNotHide(t *testing.T) {
	var rows strings.Builder
	rows.WriteString("area,kind,seen,paid\n")
	for i := range 200 {
		label, area := []string{"no", "yes"}[(i/2)%2], (i/2)%2*50+(i*37)%40
		if i%2 == 0 {
			fmt.Fprintf(&rows, "%d,a,%s,\n", area, label)
		} else {
			fmt.Fprintf(&rows, "%d,b,,%s\n", area, label)
		}
	}
	mean := func(lambda string) (loss float64) {
		for seed := range 4 {
			m, r, d := tableOf(t, rows.String(), fmt.Sprintf(`
data: {train: {format: csv, file: d.csv}}
columns: {numeric: [area], categorical: [kind]}
trunk: {type: mlp, hidden: [8]}
sharing: {method: adversarial, orthogonality: 0, lambda: %s}
tasks: {seen: {type: classification}, paid: {type: classification}}
train: {epochs: 20, batch: 20, seed: %d, optimizer: {lr: 0.01}}
`, lambda, seed+1))
			res, err := trainerOf(t, m, r.Training()).Fit(context.Background(), d, d, train.Hooks{})
			if err != nil {
				t.Fatal(err)
			}
			loss += res.Epochs[len(res.Epochs)-1].Penalty / 4
		}
		return loss
	}
	if found := mean("1e-9"); !(found < 0.3) { // guessing is log 2
		t.Errorf("without an adversary the discriminator's loss is %v", found)
	}
	if hidden := mean("1"); !(hidden > 0.5) {
		t.Errorf("against the trunk the discriminator's loss is %v", hidden)
	}
}
