package metric

// Counted returns how many spans are right, predicted and true.
func (s *SpanF1) Counted() [3]int { return [3]int{s.all.right, s.all.predicted, s.all.true} }
