/*-------------------------------------------------------------------------
 *
 * test_network_edges.c
 *	  Trainings and answers of networks at the edge of what they take: scores
 *	  that are no numbers or as certain as floats can be.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network_training.h"

#include "model/network_scores.h"

/* A probability that is no number is not a small one. */
static void
test_scores(void)
{
	double		logits[3];

	unit_ok(!ml_network_logits(ML_OUTPUT_PROBABILITIES, (float[1]) {NAN}, 1, 1, logits), "a probability that is NaN");
	unit_ok(!ml_network_logits(ML_OUTPUT_PROBABILITIES, (float[2]) {NAN, 0.5f}, 2, 1, logits), "  one of two");
	unit_ok(!ml_network_logits(ML_OUTPUT_PROBABILITIES, (float[3]) {0.5f, 0.5f, NAN}, 3, 3, logits), "  one of three");
	unit_ok(ml_network_logits(ML_OUTPUT_PROBABILITIES, (float[1]) {1}, 1, 1, logits) && logits[0] > 69, "  but 1 and 0 are some");
}

/* ---- explanations ---- */

/* A row far out: the probability is 1 in floats, its logit is not infinite. */
static void
test_certain(unit_host *host)
{
	static const char *const last[] = {"\"units\": 1, \"activation\": \"sigmoid\"", "\"units\": 2, \"activation\": \"softmax\""};
	static const char *const tails[] = {"", ", {\"type\": \"activation\", \"activation\": \"sigmoid\"}"};
	table		t;

	open_table(host, &t);
	add_column(&t, "a", ML_TYPE_NUMBER, ML_ROLE_NUMBER);
	for (size_t i = 0; i < 60; i++)
	{
		add_row(&t)[0].number = i % 2 ? 1 + i % 5 : -1.0 - i % 7;
		t.targets[i].text = i % 2 ? ML_TEXT("yes") : ML_TEXT("no");
	}
	for (int i = 0; i < 3; i++)
	{
		ml_value	far = {.number = 1e4};
		char		options[400];
		outcome		r;
		ml_image   *image;
		ml_session *session;
		const ml_contribution *parts;
		size_t		n;
		size_t		size;
		uint32_t	label;
		double		p[2];
		double		sum = 0;
		double		most = 0;

		snprintf(options, sizeof(options), "{\"layers\": [{\"type\": \"dense\", %s}%s], \"loss\": \"mse\", \"epochs\": 20, \"holdout\": 0}",
				 i < 2 ? last[i] : "\"units\": 1", i < 2 ? tails[0] : tails[1]);
		if (!unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, options}, &r) &&
					 ml_image_plan(&host->ctx, r.stored.data, r.stored.size, &size) == ML_OK, "%s: %s", options, host->ctx.error.text))
			continue;
		image = aligned_alloc(ML_ALIGN, size);
		unit_ok(ml_image_build(&host->ctx, r.stored.data, r.stored.size, image, size) == ML_OK &&
				ml_session_open(&host->ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session) == ML_OK &&
				ml_session_predict(&host->ctx, session, 1, &far, NULL, p) == ML_OK && ML_MAX(p[0], p[1]) > 0.999999,
				"  is certain of a row far out");
		unit_ok(ml_session_explain(&host->ctx, session, &far, -1, &label, &parts, &n) == ML_OK, "  and explains it: %s", host->ctx.error.text);
		for (size_t k = 0; k < n; k++)
		{
			sum += parts[k].contribution;
			most = ML_MAX(most, parts[k].contribution);
		}
		unit_ok(most > 0.9 * sum && sum > 100, "  by what is far out: %g of %g", most, sum);
		ml_session_close(&host->ctx, session);
		free(image);
		end_network(host, &r);
	}
	close_table(&t);
}

int
main(void)
{
	unit_host	host;

	test_scores();
	unit_open(&host);
	test_certain(&host);
	unit_close(&host, "networks at the edge");
	return unit_done();
}
