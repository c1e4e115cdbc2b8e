package train

import (
	"math"

	"espalier/data"
	"espalier/schema"
	"espalier/tensor"
	"espalier/train/progress"
	"espalier/train/score"
)

// best is the epoch with the best score on validation.
type best struct {
	values map[string]*tensor.Tensor
	score  float64
	epoch  int
	// tasks is how many the score is made of; 0 where no epoch has had one, and
	// this is the last. An epoch with fewer cannot be held against it.
	tasks int
	// without counts the epochs since that could not.
	without int
}

// take notes an epoch's score, and reports whether it is the one to keep. More
// tasks with a score are better than fewer: a task whose metric is not defined
// for what a model predicts does not win by being left out.
func (b *best) take(score float64, tasks, epoch int) bool {
	switch {
	case tasks < b.tasks:
		b.without++
		return false
	case tasks == b.tasks && tasks > 0 && score <= b.score:
		return false
	}
	*b = best{score: score, tasks: tasks, epoch: epoch}
	return true
}

// chooser chooses the epoch to keep.
type chooser struct {
	config   *Config
	schema   *schema.Schema
	outlooks []score.Outlook // of the tasks' validation data
	best     best
	last     float64 // score of the last epoch, NaN where it can be held against no other
}

// lookAt measures what constant and right answers to the validation data score.
func (c *chooser) lookAt(valid *data.Dataset) (err error) {
	mains := make([]string, len(c.schema.Tasks))
	for i := range c.schema.Tasks {
		mains[i] = c.config.metricOf(&c.schema.Tasks[i])
	}
	c.outlooks, err = score.LookAt(c.schema, valid, mains)
	return err
}

// judged are the scores that epochs are chosen by: all but those of tasks whose
// metric is not defined for right answers to the validation data, such as span_f1
// where there is no span. It is defined for wrong ones there, and an epoch would be
// chosen for being wrong.
func (c *chooser) judged(of score.Scores) score.Scores {
	if c.config.Select.Loss {
		return of
	}
	var judged score.Scores
	for i, s := range of {
		if !math.IsNaN(c.outlooks[i].Right) {
			judged = append(judged, s)
		}
	}
	return judged
}

// take scores an epoch, and keeps the parameters of the best one.
func (c *chooser) take(e *Epoch, snapshot func() map[string]*tensor.Tensor) {
	score, tasks := c.config.Select.Score(c.judged(e.Valid))
	if tasks > 0 {
		e.Score = &score
	}
	if e.Best = c.best.take(score, tasks, e.Epoch); e.Best {
		c.best.values = snapshot()
	}
	c.last = score
	if tasks < c.best.tasks {
		c.last = math.NaN()
	}
}

// patienceOver reports whether the score has not improved for long enough after so
// many epochs. As long as a task waits it has not, and what was before the last one
// began does not count, nor do epochs without a score.
func (c *chooser) patienceOver(epochs int, t *progress.Tracker) bool {
	since := c.best.epoch
	if t != nil {
		if t.Waits() {
			return false
		}
		since = max(since, t.Began())
	}
	return c.config.Patience > 0 && c.best.tasks > 0 && epochs-since-c.best.without >= c.config.Patience
}
