package progress

import (
	"math"

	"espalier/setting"
)

// StopOptions are the settings of a task's end, see [Stop].
func StopOptions() []setting.Option {
	return []setting.Option{
		{Key: "patience", Kind: setting.Whole, Min: 1, Required: true, Doc: "epochs without a better value of the task's metric after which it is done"},
		{
			Key: "then", Kind: setting.Word, Words: []string{"stop", "freeze", "drop"}, Default: "stop",
			Doc: "what becomes of it: stop: its labels no longer count and its head stays; freeze: its head stays and its loss goes on shaping the trunk; drop: its head goes on learning and its loss moves nothing else",
		},
	}
}

// OrderOptions are the settings of the order in which tasks begin, see [Order].
func OrderOptions() []setting.Option {
	byEpoch := func(of setting.Values) string { return onlyBy(of, "epoch") }
	byPerformance := func(of setting.Values) string { return onlyBy(of, "performance") }
	return []setting.Option{
		{
			Key: "by", Kind: setting.Word, Words: []string{"epoch", "performance"}, Default: "epoch",
			Doc: "what lets the next tasks begin: so many epochs, or that none of those that began last improves any more",
		},
		{Key: "every", Kind: setting.Whole, Min: 1, Default: 1, Moot: byEpoch, Doc: "epochs after which the next tasks begin; or a list, a number for each step of the order but the last"},
		{Key: "every", Kind: setting.Whole, List: true, Min: 1, Moot: byEpoch, Doc: "epochs after which the next tasks begin, a number for each step of the order but the last"},
		{Key: "patience", Kind: setting.Whole, Min: 1, Default: 2, Moot: byPerformance, Doc: "epochs without a better value of its metric after which a task lets the next begin"},
		{Key: "reach", Named: true, Min: -math.MaxFloat32, Moot: byPerformance, Doc: "values of metrics, by task, with which it does so at once"},
		{
			Key: "earlier", Kind: setting.Word, Words: []string{"train", "freeze", "drop", "stop"}, Default: "train",
			Doc: "what becomes of the tasks that train when the next begin: they go on, or as in a task's stop",
		},
	}
}

// onlyBy says that a setting belongs to another order.
func onlyBy(of setting.Values, by string) string {
	if of.Text("by") == by {
		return ""
	}
	return "is not for an order by " + of.Text("by")
}

// ShareOptions are the settings of the largest shares of tasks, see [Shares].
func ShareOptions() []setting.Option {
	return []setting.Option{
		{
			Key: "of", Kind: setting.Word, Words: []string{"steps", "compute"}, Default: "steps",
			Doc: "what is counted: the steps in which labels of a task count, or what its steps cost, counted from the model",
		},
		{Key: "caps", Named: true, Open: true, Max: 1, Doc: "largest shares, by task; a task that is not named has no cap"},
	}
}
