package step

import (
	"fmt"
	"math"
	"slices"

	"espalier/builder"
	"espalier/models"
	"espalier/schema"
	"espalier/text"
	"espalier/train/optim"
	"espalier/train/progress"
)

// block is parameters of one group that the same losses reach. In a step whose
// batch has no label of their tasks they have no gradient: then neither they nor
// their moments change, weight decay included, and the step does not count for
// Adam's bias correction. PyTorch treats a parameter whose grad is None so.
type block struct {
	group   int
	owner   int    // the task whose own it is; -1: several share it
	tasks   []bool // whose losses reach it
	penalty bool   // the sharing structure's reaches it, in every step
	depth   int    // in the trunk, where layers are treated apart, else 0
	factor  float64
	optim   *optim.Optimizer
}

// newBlocks finds the blocks of what a step learns, and returns the number of
// each parameter's.
func (s *Step) newBlocks(p *program) (map[string]int, error) {
	var reached []map[*builder.Value]bool
	for _, task := range p.built.Tasks {
		reached = append(reached, ancestors([]*builder.Value{task.Loss}, nil))
	}
	penalty := ancestors([]*builder.Value{p.built.Penalty}, nil)
	var depths *models.Depths
	if s.config.byDepth() {
		depths = models.DepthsOf(p.built.Graph.Parameters())
		s.layers = depths.Layers
	}
	of, numbers := map[string]int{}, map[string]int{}
	for _, v := range p.built.Graph.Parameters() {
		b := block{group: s.groupOf(v.Name()), owner: s.ownerOf(v.Name()), penalty: penalty[v], factor: 1}
		if depths != nil {
			b.depth, b.factor = s.depthOf(depths, v.Name())
		}
		for _, values := range reached {
			b.tasks = append(b.tasks, values[v])
		}
		key := fmt.Sprint(b.group, b.owner, b.tasks, b.penalty, b.depth)
		number, ok := numbers[key]
		if !ok {
			var err error
			if b.optim, err = optim.New(s.config.Optimizer); err != nil {
				return nil, err
			}
			number = len(s.blocks)
			numbers[key] = number
			s.blocks = append(s.blocks, b)
		}
		of[v.Name()] = number
	}
	return of, nil
}

// embeddings is the depth of what a trunk has before its layers.
const embeddings = -1

// byDepth reports whether the layers of a trunk are treated apart.
func (c *Config) byDepth() bool { return c.Gradual || c.LayerDecay != 0 && c.LayerDecay != 1 }

// depthOf returns a parameter's depth, and the factor of its learning rate. What stands
// above the layers is treated as the top one, but that it is never frozen.
func (s *Step) depthOf(d *models.Depths, name string) (depth int, factor float64) {
	depth, ok := d.Of(name)
	switch {
	case !ok:
		return d.Layers, 1
	case s.config.LayerDecay == 0:
		return depth, 1
	}
	return depth, math.Pow(s.config.LayerDecay, float64(d.Layers-1-depth))
}

// notUpdated reports whether a block is not updated in the step: its group rests, its
// layer is not unfrozen yet, or the batch has no label of a task whose loss reaches it. The loss of a task that
// is dropped reaches only what is the task's own. A balancer that remembers
// gradients writes those of what tasks share in every step.
func (s *Step) notUpdated(number int) bool {
	b := &s.blocks[number]
	switch {
	case s.Rests(b.group), b.depth < s.lowest:
		return true
	case b.penalty, b.owner < 0 && s.config.Needs.Direction && s.config.Remembers:
		return false
	}
	for i, reaches := range b.tasks {
		if reaches && s.present[i] && (i == b.owner || s.states[i] != progress.Dropped) {
			return false
		}
	}
	return true
}

// groupOf returns the number of the group that a parameter belongs to.
func (s *Step) groupOf(name string) int {
	if !s.config.Grouped {
		return 0
	}
	return s.ownerOf(name) + 1
}

// ownerOf returns the number of the task that a parameter belongs to, -1 for a
// shared one.
func (s *Step) ownerOf(name string) int {
	task, _ := models.TaskOf(name)
	return s.model.Schema().TaskIndex(task)
}

// Rests reports whether no parameter of a group is updated: those of a task's own
// where it does not learn, and the shared ones where no task of the epoch shapes
// them, or none of the step.
func (s *Step) Rests(group int) bool {
	if group > 0 {
		return !s.states[group-1].Learns()
	}
	return s.idle || !slices.ContainsFunc(s.states, progress.State.Shapes)
}

// region is a run of the arena whose parameters are treated alike.
type region struct {
	from, to int
	block    int
	decay    float64
	slots    *optim.Slots
}

// tableState is what an embedding table's updates need.
type tableState struct {
	*table
	block int
	rows  *optim.Rows
	slots *optim.Slots
	// padding is the row that learns nothing, -1 for none: that of a column's
	// missing values learns as any other.
	padding int64
}

// newOptimizer lays regions over the arena: neighbours of one block with the
// same decay are one. Parameters that no loss reaches are in none.
func (s *Step) newOptimizer(p *program) error {
	blockOf, err := s.newBlocks(p)
	if err != nil {
		return err
	}
	slots := s.params.slots
	for i, at := range slots {
		if !p.graded[at.param.Name] {
			continue
		}
		decay := 0.0
		if at.param.Decay {
			decay = s.config.WeightDecay
		}
		end := len(s.params.values)
		if i+1 < len(slots) {
			end = slots[i+1].offset
		}
		of := blockOf[at.param.Name]
		if n := len(s.dense); n > 0 && s.dense[n-1].block == of && s.dense[n-1].decay == decay && s.dense[n-1].to == at.offset {
			s.dense[n-1].to = end
			continue
		}
		s.dense = append(s.dense, region{from: at.offset, to: end, block: of, decay: decay})
	}
	for i := range s.dense {
		s.dense[i].slots = s.blocks[0].optim.NewSlots(s.dense[i].to - s.dense[i].from)
	}
	for _, tab := range s.params.tables {
		if tab.param.Frozen {
			continue
		}
		state := &tableState{
			table: tab, block: blockOf[tab.param.Name], rows: optim.NewRows(int(tab.param.Shape[0]), tab.dim),
			slots: s.blocks[0].optim.NewSlots(len(tab.values)), padding: paddingOf(p, tab.param.Name, s.model.Schema()),
		}
		s.tables = append(s.tables, state)
	}
	return nil
}

// paddingOf returns the row of a table that stands for padding, -1 where none does:
// tokens and their characters are padded. A column's ids are of whole examples, and
// whatever else is looked up for each token, such as its type, has no id of its own
// for padding.
func paddingOf(p *program, table string, of *schema.Schema) int64 {
	for _, l := range p.lookup {
		if l.table.Name() != table || l.ids.Rank() == 1 {
			continue
		}
		switch l.ids.Name() {
		case schema.IDs:
			return of.Inputs[0].Padding
		case schema.CharacterIDs:
			return text.Padding
		}
	}
	return -1
}
