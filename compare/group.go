package compare

import "slices"

// exhaustive is the most tasks of which all groupings are looked at: 8 have
// 4140.
const exhaustive = 8

// Group parts tasks into groups that are to be trained together, at most so
// many where most is above 0. matrix[i][j] is the affinity of task i to j. It
// maximises the sum over tasks j of what the others of its group do for it on
// average,
//
//	S = sum_j mean_{i in group of j, i != j} matrix[i][j],
//
// a task alone counting 0 (the score of Fifty et al. 2021 for groups that do
// not overlap). Up to 8 tasks every grouping is looked at. Beyond, groups of
// one are merged as long as the best merger raises the score, or there are too
// many. Of equal scores the one with fewer groups is taken: it costs less.
func Group(matrix [][]float64, most int) (groups [][]int, score float64) {
	n := len(matrix)
	if most <= 0 {
		most = n
	}
	if n <= exhaustive {
		groups = bestPartition(matrix, most)
	} else {
		groups = greedyPartition(matrix, most)
	}
	for _, g := range groups {
		slices.Sort(g)
	}
	slices.SortFunc(groups, func(a, b []int) int { return a[0] - b[0] })
	return groups, partitionScore(matrix, groups)
}

func partitionScore(matrix [][]float64, groups [][]int) float64 {
	sum := 0.0
	for _, g := range groups {
		sum += groupScore(matrix, g)
	}
	return sum
}

// groupScore is the part of S of one group.
func groupScore(matrix [][]float64, group []int) float64 {
	sum := 0.0
	for _, j := range group {
		for _, i := range group {
			if i != j {
				sum += matrix[i][j]
			}
		}
	}
	return sum / float64(max(len(group)-1, 1))
}

// bestPartition puts one task after the other into each of the groups so far
// and into one of its own.
func bestPartition(matrix [][]float64, most int) [][]int {
	var best [][]int
	score := 0.0
	var place func(task int, groups [][]int)
	place = func(task int, groups [][]int) {
		if task == len(matrix) {
			s := partitionScore(matrix, groups)
			if best == nil || s > score || s == score && len(groups) < len(best) {
				score, best = s, nil
				for _, g := range groups {
					best = append(best, slices.Clone(g))
				}
			}
			return
		}
		for i := range groups {
			groups[i] = append(groups[i], task)
			place(task+1, groups)
			groups[i] = groups[i][:len(groups[i])-1]
		}
		if len(groups) < most {
			place(task+1, append(groups, []int{task}))
		}
	}
	place(0, nil)
	return best
}

func greedyPartition(matrix [][]float64, most int) [][]int {
	var groups [][]int
	for i := range matrix {
		groups = append(groups, []int{i})
	}
	for len(groups) > 1 {
		first, second, best := 0, 1, 0.0
		for i := range groups {
			for j := i + 1; j < len(groups); j++ {
				both := slices.Concat(groups[i], groups[j])
				gain := groupScore(matrix, both) - groupScore(matrix, groups[i]) - groupScore(matrix, groups[j])
				if i == 0 && j == 1 || gain > best {
					first, second, best = i, j, gain
				}
			}
		}
		if best < 0 && len(groups) <= most {
			break
		}
		groups[first] = append(groups[first], groups[second]...)
		groups = slices.Delete(groups, second, second+1)
	}
	return groups
}
