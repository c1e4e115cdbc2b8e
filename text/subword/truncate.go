package subword

// Keep appends to dst the numbers of the pieces that are kept where no more than most
// are. mark says of a piece whether it is a special token of the post-processor, and
// whether it is of the second text of a pair. Keep never drops a special token of the post-processor: the last
// pieces of the text go. Of a pair the longer text is cut first, until both have the
// same length; then both are, and of an odd number the longer one keeps one more, of
// equal ones the second. That is what
// Hugging Face's tokenizers do with longest_first, the strategy that models for pairs
// are trained with. Where the special tokens alone are more than most, the last of
// them go.
func Keep[T any](dst []int, pieces []T, mark func(*T) (special, second bool), most int) []int {
	first, second := 0, 0
	for i := range pieces {
		switch special, isSecond := mark(&pieces[i]); {
		case special:
		case isSecond:
			second++
		default:
			first++
		}
	}
	first, second = Shares(first, second, most-(len(pieces)-first-second))
	begin := len(dst)
	for i := range pieces {
		special, isSecond := mark(&pieces[i])
		of := &first
		if isSecond {
			of = &second
		}
		if !special {
			if *of == 0 {
				continue
			}
			*of--
		}
		dst = append(dst, i)
	}
	return dst[:min(len(dst), begin+max(most, 0))]
}

// Shares returns how many pieces two texts keep, which have so many, where there is
// room for so many of both.
func Shares(first, second, room int) (a, b int) {
	room = max(room, 0)
	if first+second <= room {
		return first, second
	}
	short := min(first, second)
	long := max(short, room-short)
	if short+long > room {
		short = room / 2
		long = room - short
	}
	if first > second {
		return long, short
	}
	return short, long
}
