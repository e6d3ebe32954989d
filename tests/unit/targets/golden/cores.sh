#!/bin/sh
#SBATCH --job-name="train_1.1"
#SBATCH --output="/shared/runs/train_1/shim.log"
#SBATCH --open-mode="append"
#SBATCH --chdir="/"
#SBATCH --no-requeue
#SBATCH --nodes="1"
#SBATCH --ntasks-per-node="1"
#SBATCH --cpus-per-task="4"
#SBATCH --partition="cpu"
exec /usr/bin/python3 -S -E /shared/node/batch.py /shared/runs/train_1 SLURM_JOB_ID
