//go:build !race && !asan

package pyhost_test

const instrumented = false
