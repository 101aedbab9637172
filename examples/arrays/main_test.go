package main

import (
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/examples/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, main) }

// program runs in a folder of its own, and gives that too.
func program(t *testing.T, args ...string) (dir, out string, err error) {
	t.Helper()
	cmd := clitest.Program(t, args...)
	cmd.Dir = t.TempDir()
	text, err := cmd.CombinedOutput()
	return cmd.Dir, string(text), err
}

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	img, err := png.Decode(f)
	require.NoError(t, err)
	return img
}

// A picture with sharp edges, and pixels of every opacity.
func sample(t *testing.T) (img *image.NRGBA, path string) {
	t.Helper()
	img = image.NewNRGBA(image.Rect(0, 0, 23, 17))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i * 7 / 3)
	}
	path = filepath.Join(t.TempDir(), "sample.png")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, img))
	require.NoError(t, f.Close())
	return img, path
}

// at is a colour of the nearest pixel that there is.
func at(img *image.NRGBA, x, y, c int) int {
	x, y = min(max(x, 0), img.Rect.Dx()-1), min(max(y, 0), img.Rect.Dy()-1)
	return int(img.Pix[img.PixOffset(x, y)+c])
}

func abs(n int) int { return max(n, -n) }

// mean is that of 13 pixels, in the direction of dx and dy.
func mean(img *image.NRGBA, dx, dy int) *image.NRGBA {
	return each(img, func(x, y, c int) int {
		sum := 6
		for i := -6; i <= 6; i++ {
			sum += at(img, x+i*dx, y+i*dy, c)
		}
		return sum / 13
	})
}

func each(img *image.NRGBA, value func(x, y, c int) int) *image.NRGBA {
	to := clone(img)
	for i := range img.Pix {
		if c := i % 4; c < 3 {
			to.Pix[i] = byte(value(i/4%img.Rect.Dx(), i/img.Stride, c))
		}
	}
	return to
}

// wanted does what a filter should, pixel by pixel.
var wanted = map[string]func(img *image.NRGBA) *image.NRGBA{
	"invert": func(img *image.NRGBA) *image.NRGBA {
		return each(img, func(x, y, c int) int { return 255 - at(img, x, y, c) })
	},
	"posterize": func(img *image.NRGBA) *image.NRGBA {
		return each(img, func(x, y, c int) int { return at(img, x, y, c) / 64 * 85 })
	},
	"blur": func(img *image.NRGBA) *image.NRGBA { return mean(mean(img, 0, 1), 1, 0) },
	"edges": func(img *image.NRGBA) *image.NRGBA {
		grey := func(x, y int) int {
			return (77*at(img, x, y, 0) + 151*at(img, x, y, 1) + 28*at(img, x, y, 2)) / 256
		}
		return each(img, func(x, y, _ int) int {
			dx, dy := 0, 0
			for i, weight := range []int{1, 2, 1} {
				dx += weight * (grey(x+1, y+i-1) - grey(x-1, y+i-1))
				dy += weight * (grey(x+i-1, y+1) - grey(x+i-1, y-1))
			}
			return min((abs(dx)+abs(dy))/4, 255)
		})
	},
}

// Each filter does what it should, with numpy and without.
func TestFilters(t *testing.T) {
	before, path := sample(t)
	for how, args := range map[string][]string{"numpy": nil, "plain": {"-plain"}} {
		for _, filter := range filters {
			t.Run(how+"/"+filter, func(t *testing.T) {
				args := append(args, "-in", path, "-filter", filter, "-o", "out.png")
				dir, out, err := program(t, args...)
				require.NoError(t, err, out)
				if how == "numpy" && strings.Contains(out, "without numpy") {
					t.Skip("no numpy, in the Python that is chosen or in any")
				}
				require.Equal(t, how == "plain", strings.Contains(out, "without numpy"))
				require.Contains(t, out, "23 x 17 pixels")
				require.Contains(t, out, "copies between Go and Python: none")
				got := readPNG(t, filepath.Join(dir, "out.png"))
				require.Equal(t, image.Rect(0, 0, 2*23+3*gap, 17+2*gap), got.Bounds())
				requireAt(t, got, before, gap)
				requireAt(t, got, wanted[filter](before), 2*gap+23)
			})
		}
	}
}

// requireAt looks for img in the first row of a sheet, from x on.
func requireAt(t *testing.T, sheet, img image.Image, x int) {
	t.Helper()
	for i := range 17 * 23 {
		want, got := img.At(i%23, i/23), sheet.At(x+i%23, gap+i/23)
		require.Equal(t, want, color.NRGBAModel.Convert(got), "pixel %d, %d", i%23, i/23)
	}
}

// All filters on the picture that the program draws; those of numpy and of plain Python agree.
func TestSheet(t *testing.T) {
	dir, out, err := program(t)
	require.NoError(t, err, out)
	for _, filter := range filters {
		require.Contains(t, out, "\n"+filter+" ")
	}
	require.Contains(t, out, "picture: arrays.png")
	other, out, err := program(t, "-plain")
	require.NoError(t, err, out)
	require.Equal(t, readPNG(t, filepath.Join(dir, "arrays.png")),
		readPNG(t, filepath.Join(other, "arrays.png")))
}

func TestJPEG(t *testing.T) {
	img, _ := sample(t)
	path := filepath.Join(t.TempDir(), "sample.jpg")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, jpeg.Encode(f, img.SubImage(image.Rect(2, 3, 9, 8)), nil))
	require.NoError(t, f.Close())
	_, out, err := program(t, "-in", path)
	require.NoError(t, err, out)
	require.Contains(t, out, "7 x 5 pixels")
}

func TestBadFlags(t *testing.T) {
	for want, args := range map[string][]string{
		`no filter "sepia": want one of blur`: {"-filter", "sepia"},
		"no such file":                        {"-in", "no.png"},
		"image: unknown format":               {"-in", os.Args[0]},
		"arrays: open .: is a directory":      {"-o", "."},
		"arrays: open no/a.png: no such file": {"-o", "no/a.png"},
	} {
		_, out, err := program(t, args...)
		require.Error(t, err)
		require.True(t, strings.HasPrefix(out, "arrays: ") && strings.Contains(out, want), out)
	}
}
