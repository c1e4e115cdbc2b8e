package nn

import (
	"fmt"

	"espalier/builder"
)

// PLEOptions size progressive layered extraction.
type PLEOptions struct {
	Levels      int
	Experts     int64 // of each level, shared by all tasks
	TaskExperts int64 // of each level and task; may be 0
	Hidden      int64 // width of an expert
	Temperature float64
}

// PLE is progressive layered extraction (Tang et al. 2020). At level j, task k
// reads the weighted sum of its own experts and the shared ones,
//
//	g_k^j = softmax(g_k^(j-1) W_k^j) [E_k^j(g_k^(j-1)); E_s^j(g_s^(j-1))]
//
// and below the last level the shared path goes on with a sum over the experts
// of all tasks and the shared ones, weighed by g_s^(j-1); g^0 is x. One level
// is CGC, customized gate control; one level without task experts is MMoE.
//
// The scopes follow what a loss reaches. Experts of a task below the last level
// feed the shared path and with it every task, so they stand in shared, as do
// their gates further below; what only one task's loss reaches stands in
// tasks[k]. names are those of the tasks.
func PLE(shared *builder.Scope, tasks []*builder.Scope, names []string, x *builder.Value, o PLEOptions) []*builder.Value {
	if o.Levels < 1 && shared.Err() == nil {
		shared.Fail("PLE", []*builder.Value{x}, fmt.Errorf("%d levels", o.Levels))
	}
	common, own := x, make([]*builder.Value, len(tasks))
	for k := range own {
		own[k] = x
	}
	for j := range o.Levels {
		level := fmt.Sprintf("level_%d", j)
		s := shared.In(level)
		// scope is that of task k's part which tasks share when it stands more
		// than so many levels below the last.
		scope := func(k, below int) *builder.Scope {
			if o.Levels-1-j > below {
				return s.In("tasks").In(names[k])
			}
			return tasks[k].In(level)
		}
		var all, taskExperts []*builder.Value
		if o.TaskExperts > 0 {
			for k := range tasks {
				e := Experts(scope(k, 0).In("experts"), own[k], o.TaskExperts, o.Hidden)
				taskExperts = append(taskExperts, e)
			}
			all = append(all, taskExperts...)
		}
		sharedExperts := Experts(s.In("experts"), common, o.Experts, o.Hidden)
		all = append(all, sharedExperts)
		for k := range tasks {
			read, n := sharedExperts, o.Experts
			if o.TaskExperts > 0 {
				read, n = s.Concat(-2, taskExperts[k], sharedExperts), n+o.TaskExperts
			}
			own[k] = Mix(s.Graph, Gate(scope(k, 1).In("gate"), own[k], n, o.Temperature), read)
		}
		if j < o.Levels-1 {
			n := o.Experts + o.TaskExperts*int64(len(tasks))
			common = Mix(s.Graph, Gate(s.In("gate"), common, n, o.Temperature), s.Concat(-2, all...))
		}
	}
	return own
}
