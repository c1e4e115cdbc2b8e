package sample

// weights draws tasks in proportion to numbers that are given.
type weights struct{ Config }

func (c weights) weigh(sizes []float64, _ int) []float64 {
	w := make([]float64, len(sizes))
	for i, task := range c.Tasks {
		w[i] = 1
		if x, ok := c.Weights[task]; ok {
			w[i] = x
		}
	}
	return w
}
