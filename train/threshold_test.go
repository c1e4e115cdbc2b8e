package train

import (
	"math"
	"math/rand/v2"
	"testing"
)

// drawn returns decisions whose probabilities are right: each is true as often
// as it says.
func drawn(r *rand.Rand, n int, scale float64) []decision {
	all := make([]decision, n)
	for i := range all {
		p := math.Pow(r.Float64(), 3) * scale
		all[i] = decision{float32(p), r.Float64() < p}
	}
	return all
}

func f1At(decisions []decision, threshold float32) float64 {
	var right, predicted, true float64
	for _, d := range decisions {
		if d.p >= threshold {
			predicted++
			if d.true {
				right++
			}
		}
		if d.true {
			true++
		}
	}
	return 2 * right / (predicted + true)
}

// TestThresholdsOfFrequentLabelsAreTheirDatas: with thousands of true decisions
// no threshold on the data is better by more than a hair.
func TestThresholdsOfFrequentLabelsAreTheirDatas(t *testing.T) {
	decisions := drawn(rand.New(rand.NewPCG(1, 1)), 20000, 1)
	at, ok := bestThreshold(decisions, 0)
	if !ok {
		t.Fatal("there is no threshold")
	}
	best := 0.0
	for x := float32(0.01); x < 1; x += 0.01 {
		best = max(best, f1At(decisions, x))
	}
	if got := f1At(decisions, at); got < best-0.002 {
		t.Errorf("F1 is %v at %v, another threshold has %v", got, at, best)
	}
}

// TestThresholdsOfRareLabelsSuitOtherData: thresholds from a few true decisions
// are measured on data that is drawn anew, where they do better than those that
// were best on the few.
func TestThresholdsOfRareLabelsSuitOtherData(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	other := drawn(r, 200000, 0.5)
	expected, counted := 0.0, 0.0
	for range 50 {
		few := drawn(r, 100, 0.5)
		at, ok := bestThreshold(few, 0)
		if !ok {
			continue
		}
		expected += f1At(other, at)
		best, best1 := float32(0), -1.0
		for _, d := range few {
			if f := f1At(few, d.p); f > best1 {
				best, best1 = d.p, f
			}
		}
		counted += f1At(other, best)
	}
	if !(expected > counted*1.02) {
		t.Errorf("the sum of F1 is %v, of thresholds that suit the few decisions best %v", expected, counted)
	}
}

func TestNoThresholdWithoutATrueDecision(t *testing.T) {
	if at, ok := bestThreshold([]decision{{0.3, false}, {0.9, false}}, 0); ok {
		t.Errorf("the threshold is %v", at)
	}
	// Perfectly apart: the threshold stands between.
	if at, ok := bestThreshold([]decision{{0.1, false}, {0.2, false}, {0.9, true}, {0.95, true}}, 0); !ok || at <= 0.2 || at > 0.9 {
		t.Errorf("the threshold is %v (%v)", at, ok)
	}
}
