package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg"
	"image/png"
	"math"
	"math/cmplx"
	"os"
	"slices"
)

// picture reads one, or draws one if there is no path. Its pixels lie row by row without gaps.
func picture(path string) (*image.NRGBA, error) {
	if path == "" {
		return mandelbrot(720, 480), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	from, _, err := image.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if from.Bounds().Empty() {
		return nil, fmt.Errorf("%s: no pixels", path)
	}
	img := image.NewNRGBA(image.Rectangle{Max: from.Bounds().Size()})
	draw.Draw(img, img.Rect, from, from.Bounds().Min, draw.Src)
	return img, nil
}

func clone(img *image.NRGBA) *image.NRGBA {
	c := *img
	c.Pix = slices.Clone(img.Pix)
	return &c
}

// mandelbrot draws a place at the rim of the set.
func mandelbrot(width, height int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	middle, scale := complex(-0.7453, 0.1127), 0.0125/float64(width)
	for y := range height {
		for x := range width {
			off := complex(float64(x-width/2), float64(height/2-y))
			img.SetNRGBA(x, y, shade(middle+off*complex(scale, 0)))
		}
	}
	return img
}

// shade colours a point by how soon it leaves the set, without steps between the numbers of rounds.
func shade(c complex128) color.NRGBA {
	const rounds, far = 600, 64
	z := c
	for n := range rounds {
		if cmplx.Abs(z) > far {
			t := math.Log(float64(n) + 2 - math.Log2(math.Log(cmplx.Abs(z))/math.Log(far)))
			wave := func(phase float64) uint8 { return uint8(127.5 + 127.5*math.Sin(4*t+phase)) }
			return color.NRGBA{wave(2.6), wave(1.8), wave(0.9), 255}
		}
		z = z*z + c
	}
	return color.NRGBA{8, 8, 24, 255}
}

// sheet is pairs of pictures, one below the other: before on the left, after on the right.
type sheet struct {
	img    *image.NRGBA
	before image.Image
}

const gap = 8 // in pixels

func newSheet(before image.Image, pairs int) *sheet {
	size := before.Bounds().Size()
	all := image.Rect(0, 0, 2*size.X+3*gap, pairs*(size.Y+gap)+gap)
	s := &sheet{image.NewNRGBA(all), before}
	draw.Draw(s.img, all, image.White, image.Point{}, draw.Src)
	return s
}

// put fills the i-th pair.
func (s *sheet) put(i int, after image.Image) {
	size := s.before.Bounds().Size()
	at := image.Rectangle{Max: size}.Add(image.Pt(gap, gap+i*(size.Y+gap)))
	draw.Draw(s.img, at, s.before, image.Point{}, draw.Src)
	draw.Draw(s.img, at.Add(image.Pt(size.X+gap, 0)), after, image.Point{}, draw.Src)
}

func (s *sheet) write(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, s.img), f.Close())
}
