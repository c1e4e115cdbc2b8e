//go:build race

package export

// stride is how many texts a test takes one of: the race detector makes the
// pure-Go engine ten times slower, and looks at how texts are run, not at which.
const stride = 128
