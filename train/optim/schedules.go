package optim

import (
	"fmt"
	"math"

	"espalier/setting"
)

// ScheduleCommon are the settings of every schedule.
func ScheduleCommon() []setting.Option {
	return []setting.Option{{
		Key: "warmup", Default: 0.0, Valid: wholeOrShare,
		Doc: "steps over which the rate rises from 0; a number below 1 is the share of all steps",
	}}
}

// wholeOrShare refuses a number of steps that is neither.
func wholeOrShare(value any) error {
	if x, ok := value.(float64); ok && x > 1 && x != math.Trunc(x) || x > math.MaxInt32 {
		return fmt.Errorf("is %v, it must be a whole number of steps or, below 1, a share of all of them", value)
	}
	return nil
}

// WarmupSteps is how many steps of a run a warm-up takes that is a number of steps or,
// below 1, a share of them, rounded up as transformers does.
func WarmupSteps(warmup float64, total int) int {
	if warmup < 1 {
		return int(math.Ceil(float64(total) * warmup))
	}
	return int(warmup)
}

// The options that several schedules have.
var final = setting.Option{Key: "final", Max: 1, Default: 0.0, Doc: "share of the rate that is left at the end"}

func factor(doc string) setting.Option {
	return setting.Option{Key: "factor", Open: true, Max: 1, Default: 0.5, Doc: doc}
}

// ScheduleChoice is the setting that names a schedule.
func ScheduleChoice() setting.Option {
	return setting.Option{Key: "type", Kind: setting.Word, Words: names(Schedules()), Default: "constant", Doc: "how the learning rate moves"}
}

// Schedules returns all ways in which a learning rate moves.
func Schedules() []Type {
	return []Type{
		{Name: "constant", Doc: "the rate stays"},
		{Name: "linear", Doc: "it falls along a line", Options: []setting.Option{final}},
		{Name: "cosine", Doc: "it falls along half a wave", Source: "Loshchilov and Hutter 2017", Options: []setting.Option{final}},
		{Name: "inverse_sqrt", Doc: "it falls with the root of the number of steps", Source: "Vaswani et al. 2017"},
		{
			Name: "step", Doc: "it falls by a factor every so many epochs",
			Options: []setting.Option{
				{Key: "every", Kind: setting.Whole, Min: 1, Default: 1, Doc: "epochs after which the rate is multiplied by factor"},
				factor("what the rate is multiplied by"),
			},
		},
		{
			Name: "plateau", Doc: "it falls when a metric on validation has stopped improving",
			Options: []setting.Option{
				factor("what the rate is multiplied by, below 1"),
				{Key: "patience", Kind: setting.Whole, Default: 2, Doc: "epochs without improvement before the next lowers the rate"},
				{Key: "min", Max: 1, Default: 0.0, Doc: "share of the rate that it never goes below"},
				{Key: "threshold", Default: 0.0001, Doc: "share of the best value by which a better one must differ"},
			},
		},
	}
}
