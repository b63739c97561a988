#!/usr/bin/perl
#
# mutations.pl [OUT [PATTERN]]: do the tests notice a wrong gradient?
#
# Each line below DATA breaks one term of one op: "file | program | what stands there => what
# shall".  The file is compiled with the change (nothing is written into the tree), linked before
# the engine of OUT (made by the Makefile beside this; /tmp/aiaas-unit) and the program run: it must
# fail.  Ends with how many were caught; fails if one was not.  PATTERN: only lines that match.
#
use strict;
use warnings;

use File::Basename;
use File::Path qw(make_path);
use File::Temp qw(tempdir);

my $out = $ARGV[0] // '/tmp/aiaas-unit';
my $pattern = $ARGV[1] // '.';
my $folder = tempdir(CLEANUP => 1);
my $flags = '-std=gnu11 -g -O1 -ffp-contract=off -D_GNU_SOURCE -w';
my ($caught, @missed) = (0);

chdir dirname(__FILE__) . '/../..' or die "$!\n";

# The .c files whose objects a change of this file changes.
sub objects_of
{
	my ($file) = @_;

	return $file if $file =~ /\.c$/;
	return map { "kernel/map_$_.c" } qw(ref avx2 avx512) if $file eq 'kernel/map_loops.h';
	die "$file: whose header is it?\n";
}

sub slurp
{
	my ($path) = @_;

	open(my $fh, '<', $path) or die "$path: $!\n";
	local $/;
	return scalar <$fh>;
}

# True if the program fails with the change.
sub notices
{
	my ($file, $program, $from, $to) = @_;
	my $text = slurp("src/ml/$file");
	my $count = () = $text =~ /\Q$from\E/g;
	my @built;

	die "$file has \"$from\" $count times\n" if $count != 1;
	$text =~ s/\Q$from\E/$to/;
	make_path("$folder/" . dirname($file));
	open(my $fh, '>', "$folder/$file") or die "$folder/$file: $!\n";
	print $fh $text;
	close $fh;
	for my $source (objects_of($file))
	{
		my $path = $source eq $file ? "$folder/$file" : "src/ml/$source";
		my $object = "$folder/" . basename($source, '.c') . '.o';

		system("gcc $flags -I$folder -Isrc/ml -c -o $object $path") == 0 or die "$file does not compile with \"$to\"\n";
		push @built, $object;
	}
	system("gcc -o $folder/$program $out/test/unit/$program.o @built $out/unit.a $out/engine.a -licuuc -ljpeg -lpng -lm") == 0
	  or die "$program is not linked\n";
	my $failed = system("$folder/$program > $folder/log 2>&1") != 0;
	unlink "$folder/$file";
	return $failed;
}

while (my $line = <DATA>)
{
	next if $line =~ /^\s*(?:#|$)/ || $line !~ /$pattern/;
	chomp $line;
	my ($file, $program, $change) = split / \| /, $line, 3;
	my ($from, $to) = split / => /, $change, 2;

	if (notices($file, $program, $from, $to // ''))
	{
		$caught++;
	}
	else
	{
		push @missed, $line;
		print "missed: $line\n";
	}
}
printf "%d changes, %d noticed\n", $caught + @missed, $caught;
exit(@missed > 0);

__DATA__
# elementwise.c
op/elementwise.c | test_op_elementwise | give(e, b, i, b->dout[0]); => give(e, b, i, b->in[i]);
op/elementwise.c | test_op_elementwise | b->din[1] = ml_emit1(e, &ml_op_neg, NULL, ml_emit_sum_to(e, b->dout[0], b->in[1])); => b->din[1] = ml_emit_sum_to(e, b->dout[0], b->in[1]);
op/elementwise.c | test_op_elementwise | give(e, b, i, ml_emit2(e, &ml_op_mul, NULL, b->dout[0], b->in[1 - i])); => give(e, b, i, ml_emit2(e, &ml_op_mul, NULL, b->dout[0], b->in[i]));
op/elementwise.c | test_op_elementwise | ml_emit_sum_to(e, ml_emit2(e, &ml_op_mul, NULL, da, b->out[0]), b->in[1]) => ml_emit_sum_to(e, ml_emit2(e, &ml_op_mul, NULL, da, b->in[0]), b->in[1])
op/elementwise.c | test_op_elementwise | e->constant(e, dtype, 0.5) => e->constant(e, dtype, 0.25)
op/elementwise.c | test_op_elementwise | backward_extreme(e, b, &ml_op_less) => backward_extreme(e, b, &ml_op_greater)
op/elementwise.c | test_op_elementwise | backward_extreme(e, b, &ml_op_greater) => backward_extreme(e, b, &ml_op_greater_equal)
op/elementwise.c | test_op_elementwise | power = ml_emit2(e, &ml_op_mul, NULL, power, b->in[1]); => 
op/elementwise.c | test_op_elementwise | b->in[1], e->constant(e, dtype, 1)); => b->in[1], e->constant(e, dtype, 0));
op/elementwise.c | test_op_elementwise | ml_emit2(e, &ml_op_equal, NULL, b->in[1], zero), zero, power => ml_emit2(e, &ml_op_not_equal, NULL, b->in[1], b->in[1]), zero, power
op/elementwise.c | test_op_elementwise | ml_emit2(e, &ml_op_equal, NULL, b->out[0], zero), zero, power => ml_emit2(e, &ml_op_not_equal, NULL, b->in[1], b->in[1]), zero, power
op/elementwise.c | test_op_elementwise | ml_emit1(e, &ml_op_log, NULL, b->in[0]) => ml_emit1(e, &ml_op_log, NULL, b->out[0])
op/elementwise.c | test_op_elementwise | b->in[0], b->dout[0], zero) => b->in[0], zero, b->dout[0])
op/elementwise.c | test_op_elementwise | b->in[0], zero, b->dout[0]) => b->in[0], b->dout[0], b->dout[0])
# unary.c
op/unary.c | test_op_elementwise | b->din[0] = ml_emit1(e, &ml_op_neg, NULL, b->dout[0]); => b->din[0] = b->dout[0];
op/unary.c | test_op_elementwise | ml_emit1(e, &ml_op_sign, NULL, b->in[0]) => ml_emit1(e, &ml_op_abs, NULL, b->in[0])
op/unary.c | test_op_elementwise | times(e, b->dout[0], b->out[0]) => times(e, b->dout[0], b->in[0])
op/unary.c | test_op_elementwise | b->din[0] = ml_emit2(e, &ml_op_div, NULL, b->dout[0], b->in[0]); => b->din[0] = ml_emit2(e, &ml_op_div, NULL, b->dout[0], b->out[0]);
op/unary.c | test_op_elementwise | ml_emit2(e, &ml_op_div, NULL, b->dout[0], b->out[0]), 0.5) => ml_emit2(e, &ml_op_div, NULL, b->dout[0], b->out[0]), 1)
op/unary.c | test_op_elementwise | times(e, b->dout[0], b->in[0]), 2) => times(e, b->dout[0], b->in[0]), 1)
op/unary.c | test_op_elementwise | ml_emit1(e, &ml_op_neg, NULL, x2) => x2
op/unary.c | test_op_elementwise | 1.12837916709551257390 => 1.1283
op/unary.c | test_op_shape | b->din[0] = ml_emit1(e, &ml_op_cast, &attributes, b->dout[0]); => b->din[0] = ml_emit1(e, &ml_op_neg, NULL, ml_emit1(e, &ml_op_cast, &attributes, b->dout[0]));
# activations
kernel/map_loops.h | test_op_elementwise | x > 0 ? x : 0, v > 0 ? 1 : 0) => x > 0 ? x : 0, v >= 0 ? 1 : 0)
kernel/map_loops.h | test_op_elementwise | x > 0 ? x : alpha * x, v > 0 ? 1 : alpha) => x > 0 ? x : alpha * x, v > 0 ? 1 : alpha * alpha)
kernel/map_loops.h | test_op_elementwise | v > 0 ? 1 : v + alpha) => v > 0 ? 1 : v + 1)
kernel/map_loops.h | test_op_elementwise | return area + (density == 0 ? 0 : x * density); => return area;
kernel/map_loops.h | test_op_elementwise | (REAL) 0.134145 * x * x => (REAL) 0.044715 * x * x
kernel/map_loops.h | test_op_elementwise | x * inner * (REAL) 1.59576912160573071176 => x * s * (REAL) 1.59576912160573071176
kernel/map_loops.h | test_op_elementwise | inner == 0 ? 0 : x * inner); => inner == 0 ? 0 : inner);
kernel/map_loops.h | test_op_elementwise | 1 - v * v) => 1 - v)
kernel/map_loops.h | test_op_elementwise | v * (1 - v)) => v * (1 + v))
op/activation.c | test_op_elementwise | ml_activation_of_output(activation) ? b->out[0] : b->in[0] => b->out[0]
# reductions
op/reduce.c | test_op_reduce | b->din[0] = ml_emit_broadcast(e, b->dout[0], b->in[0]); => b->din[0] = ml_emit_broadcast(e, ml_emit2(e, &ml_op_add, NULL, b->dout[0], b->dout[0]), b->in[0]);
op/reduce.c | test_op_reduce | b->din[0] = emit_spread(e, b, b->dout[0], true); => b->din[0] = emit_spread(e, b, b->dout[0], false);
op/reduce.c | test_op_reduce | b->din[0] = emit_spread(e, b, b->dout[0], false); => b->din[0] = emit_spread(e, b, b->dout[0], true);
op/reduce.c | test_op_reduce | ml_emit2(e, &ml_op_div, NULL, b->dout[0], count) => b->dout[0]
op/reduce.c | test_op_reduce | ml_emit2(e, &ml_op_equal, NULL, b->in[0], emit_spread(e, b, b->out[0], false)) => ml_emit2(e, &ml_op_less_equal, NULL, b->in[0], emit_spread(e, b, b->out[0], false))
# softmax
op/softmax.c | test_op_reduce | map->dot(g, y, n) => map->dot(g, g, n)
op/softmax.c | test_op_reduce | map->binary[ML_MAP_MULTIPLY] (out, out, 1, y, 1, n); => 
op/softmax.c | test_op_reduce | -map->sum(g, n) => map->sum(g, n)
op/softmax.c | test_op_reduce | map->binary[ML_MAP_ADD] (out, out, 1, g, 1, n); => 
# norms
op/layer_norm.c | test_op_reduce | sums[0] / (double) n => 0
op/layer_norm.c | test_op_reduce | sums[1] / (double) n => 0
op/layer_norm.c | test_op_reduce | b->din[2] = ml_emit_sum_to(e, b->dout[0], b->in[2]); => b->din[2] = ml_emit_sum_to(e, b->in[0], b->in[2]);
kernel/map_loops.h | test_op_reduce | g[i] * gain[i] - first - (x[i] - mean) * root * second => g[i] * gain[i] - first - (x[i] - mean) * second
kernel/map_loops.h | test_op_reduce | EACH(i) out[i] = root * (g[i] - first - (x[i] - mean) * root * second); => EACH(i) out[i] = g[i] - first - (x[i] - mean) * root * second;
kernel/map_loops.h | test_op_reduce | EACH(i) to[i] += g[i] * ((x[i] - mean) * root); => EACH(i) to[i] += g[i] * (x[i] * root);
kernel/map_loops.h | test_op_reduce | factor[i] * (g[i] - first[i] - (x[i] - shift[i]) * second[i]) => factor[i] * (g[i] - first[i] - x[i] * second[i])
op/batch_norm.c | test_op_reduce | put(first, dtype, c, bias_sum / (double) rows); => put(first, dtype, c, 0);
op/batch_norm.c | test_op_reduce | put(second, dtype, c, gain_sum * root / (double) rows); => put(second, dtype, c, gain_sum / (double) rows);
op/batch_norm.c | test_op_reduce | double		gain_sum = get(second, dtype, c) * root; => double		gain_sum = get(second, dtype, c);
op/batch_norm.c | test_op_reduce | put(run->out[2].data, dtype, c, bias_sum); => put(run->out[2].data, dtype, c, gain_sum);
# moves and tables
op/reshape.c | test_op_shape | b->din[0] = ml_emit_sum_to(e, b->dout[0], b->in[0]); => b->din[0] = ml_emit_sum_to(e, ml_emit1(e, &ml_op_neg, NULL, b->dout[0]), b->in[0]);
op/reshape.c | test_op_shape | attributes.ints[b->attributes->ints[i]] = i; => attributes.ints[i] = i;
op/reshape.c | test_op_shape | .ints = {axis, begin, dim - begin - ((n - 1) * step + 1), step} => .ints = {axis, dim - begin - ((n - 1) * step + 1), begin, step}
op/join.c | test_op_shape | .ints = {a[0], a[1], dim == 0 ? a[1] : a[1] + (dim - 1) * a[3] + 1, a[3]} => .ints = {a[0], a[2], dim == 0 ? a[2] : a[2] + (dim - 1) * a[3] + 1, a[3]}
op/join.c | test_op_shape | &(ml_attributes) {.ints = {a[0], a[1], a[2]}}, 1, &unpadded => &(ml_attributes) {.ints = {a[0], a[2], a[1]}}, 1, &unpadded
op/join.c | test_op_shape | &(ml_attributes) {.ints = {a[0], a[1], a[2], 1}} => &(ml_attributes) {.ints = {a[0], a[2], a[1], 1}}
op/join.c | test_op_shape | b->din[i] = ml_emit1(e, &ml_op_slice, &(ml_attributes) {.ints = {axis, at, at + n, 1}}, b->dout[0]); => b->din[i] = ml_emit1(e, &ml_op_slice, &(ml_attributes) {.ints = {axis, 0, n, 1}}, b->dout[0]);
op/gather.c | test_op_shape | map->binary[ML_MAP_ADD] (row, row, 1, (const char *) run->in[0].data + i * bytes, 1, elements); => memcpy(row, (const char *) run->in[0].data + i * bytes, bytes);
op/gather.c | test_op_shape | b->din[0] = ml_emit2(e, &ml_op_gather, NULL, b->dout[0], b->in[1]); => b->din[0] = ml_emit1(e, &ml_op_neg, NULL, ml_emit2(e, &ml_op_gather, NULL, b->dout[0], b->in[1]));
# losses, dropout
op/loss.c | test_op_loss | *slope = 2 * (x - t); => *slope = x - t;
op/loss.c | test_op_loss | *slope = x > t ? 1 : x < t ? -1 : x - t; => *slope = x > t ? 1 : x < t ? 1 : x - t;
op/loss.c | test_op_loss | *slope = d > delta ? delta : d < -delta ? -delta : d; => *slope = d > delta ? 1 : d < -delta ? -1 : d;
op/loss.c | test_op_loss | *slope = ml_sigmoid(x) - t; => *slope = ml_sigmoid(x) - (t > 0.5 ? 1 : 0);
op/loss.c | test_op_loss | -2 * y * short_of : -y => -y * short_of : -y
op/loss.c | test_op_loss | put(&run->out[1], i, weight * slope); => put(&run->out[1], i, scale * slope);
op/loss.c | test_op_loss | -weight * slopes => -weight
op/loss.c | test_op_loss | weight / z, -weight * smoothing / (double) k, k => weight / z, 0, k
op/loss.c | test_op_loss | get(&run->out[1], own) - weight * (1 - smoothing) => get(&run->out[1], own) - weight
op/loss.c | test_op_loss | b->din[0] = ml_emit2(e, &ml_op_mul, NULL, b->out[1], b->dout[0]); => b->din[0] = b->out[1];
op/dropout.c | test_op_loss | b->din[0] = ml_emit1(e, &ml_op_dropout, b->attributes, b->dout[0]); => b->din[0] = b->dout[0];
# conv.c, conv_frame.c, conv_pool.c, pool.c
op/conv.c | test_op_conv | (const int32_t[]) {b->in[0], g}); => (const int32_t[]) {b->in[0], b->dout[0]});
op/conv.c | test_op_conv | b->din[2] = ml_emit_sum_to(e, g, b->in[2]); => b->din[2] = ml_emit_sum_to(e, b->dout[0], b->in[2]);
op/conv.c | test_op_conv | b->din[3] = ml_emit_sum_to(e, g, b->in[3]); => b->din[3] = ml_emit_sum_to(e, b->dout[0], b->in[3]);
op/conv_frame.c | test_op_conv | row = (pixels - 1 - pixel) * (c->cout / c->groups) + output; => row = pixel * (c->cout / c->groups) + output;
op/conv_frame.c | test_op_conv | back = (pixels - 1 - pixel) * outputs * ML_PANEL; => back = pixel * outputs * ML_PANEL;
op/conv_frame.c | test_op_conv | column * pixels + (pixels - 1 - pixel) * ML_PANEL), => column * pixels + pixel * ML_PANEL),
op/conv_frame.c | test_op_conv | pixel = row * w->dilation[0] * x->row + column * w->dilation[1] * x->pixel; => pixel = row * x->row + column * w->dilation[1] * x->pixel;
op/conv_pool.c | test_op_conv | ml_emit_activation_back(e, activation, 0, b->dout[0], b->out[0]) => b->dout[0]
op/conv_pool.c | test_op_conv | (column + i % p->pool[1]) * window->stride[1] * p->c.cin; => (column + i % p->pool[1]) * p->c.cin;
op/conv_pool.c | test_op_conv | i % p->pool[1] * p->c.window.stride[1] * p->c.cin); => i % p->pool[1] * p->c.cin);
op/pool.c | test_op_conv | p->kernel->sum_back(x, y, &patch, 1.0 / (double) (patch.rows * patch.columns), p->channels); => p->kernel->sum_back(x, y, &patch, 1.0 / (double) (p->window.size[0] * p->window.size[1]), p->channels);
op/pool.c | test_op_conv | .maximum = maximum, .backward = backward, .wide = WIDE(window), => .maximum = maximum, .backward = backward, .wide = false,
