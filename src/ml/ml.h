/*-------------------------------------------------------------------------
 *
 * ml.h
 *	  The public face of the engine: all that a host includes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_H
#define ML_H

#include "base/base.h"
#include "base/mem.h"
#include "base/print.h"
#include "base/json.h"
#include "kernel/kernel.h"
#include "learn/gram.h"
#include "learn/metric.h"
#include "learn/options.h"
#include "model/model.h"
#include "text/words.h"

#endif							/* ML_H */
