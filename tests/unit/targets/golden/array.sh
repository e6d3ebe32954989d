#!/bin/sh
#SBATCH --job-name="trainshed.ab12cd34"
#SBATCH --output="/dev/null"
#SBATCH --open-mode="append"
#SBATCH --chdir="/"
#SBATCH --requeue
#SBATCH --nodes="1"
#SBATCH --ntasks-per-node="1"
#SBATCH --array="0-1"
case $SLURM_ARRAY_TASK_ID in
0) run=/shared/runs/train_1 ;;
1) run='/shared/runs/it'"'"'s $2' ;;
esac
export TRAINSHED_SLURM_TASK=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
[ ! -d "$run" ] || exec >>"$run/shim.log" 2>&1
exec /usr/bin/python3 -S -E /shared/node/batch.py "$run" TRAINSHED_SLURM_TASK
