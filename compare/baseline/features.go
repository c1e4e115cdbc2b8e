package baseline

// matrix is a sparse matrix by rows.
type matrix struct {
	width   int
	starts  []int // row i is columns[starts[i]:starts[i+1]]
	columns []int32
	values  []float64
}

func (m *matrix) rows() int { return len(m.starts) - 1 }

func (m *matrix) row(i int) ([]int32, []float64) {
	return m.columns[m.starts[i]:m.starts[i+1]], m.values[m.starts[i]:m.starts[i+1]]
}

// dot is a row times a vector.
func (m *matrix) dot(i int, w []float64) float64 {
	columns, values := m.row(i)
	sum := 0.0
	for j, c := range columns {
		sum += values[j] * w[c]
	}
	return sum
}

// addRow adds a multiple of a row to a vector.
func (m *matrix) addRow(i int, factor float64, w []float64) {
	columns, values := m.row(i)
	for j, c := range columns {
		w[c] += factor * values[j]
	}
}

// end ends a row.
func (m *matrix) end() { m.starts = append(m.starts, len(m.columns)) }

func (m *matrix) add(column int32, value float64) {
	m.columns, m.values = append(m.columns, column), append(m.values, value)
}
