#!/bin/sh
#SBATCH --job-name="train_1.1"
#SBATCH --output="/shared/runs/train_1/shim.log"
#SBATCH --open-mode="append"
#SBATCH --chdir="/"
#SBATCH --no-requeue
#SBATCH --nodes="2"
#SBATCH --ntasks-per-node="4"
#SBATCH --cpus-per-task="2"
#SBATCH --gres="gpu:a100:4"
#SBATCH --time="1-00:00:00"
#SBATCH --exclusive
exec /usr/bin/python3 -S -E /shared/node/batch.py /shared/runs/train_1 SLURM_JOB_ID
