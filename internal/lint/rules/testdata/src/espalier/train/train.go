package train

import "time"

func epoch() time.Time { return time.Now() }
